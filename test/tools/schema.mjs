// The dashboard of bi/grafana, against Grafana's own types: a program of literals that TypeScript must accept.

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { done, is } from './lib.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { panels, ...rest } = JSON.parse(readFileSync(new URL('../../bi/grafana/dashboard.json', import.meta.url), 'utf8'));
const options = { stat: 'Stat', timeseries: 'TimeSeries', barchart: 'BarChart', table: 'Table' };
is(panels.map(panel => panel.type).filter(type => !options[type]), [], 'each kind of panel has types');

// JSON has strings where the types have enumerations
function program(dashboard, list) {
    return [
        "import type { Dashboard, GraphFieldConfig, Panel } from '@grafana/schema';",
        ...Object.entries(options).map(([type, name]) => `import type { Options as ${type} } from './node_modules/@grafana/schema/dist/esm/raw/composable/${type}/panelcfg/x/${name}PanelCfg_types.gen';`),
        'type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;',
        'type Part<T> = T extends (infer U)[] ? Part<U>[] : T extends object ? { [K in keyof T]?: Part<T[K]> } : T;',
        `export const dashboard: Plain<Omit<Dashboard, 'panels'>> = ${JSON.stringify(dashboard)};`,
        ...list.flatMap(panel => [
            `export const panel${panel.id}: Plain<Omit<Panel, 'options'>> = ${JSON.stringify({ ...panel, options: undefined })};`,
            `export const options${panel.id}: Part<Plain<${panel.type}>> = ${JSON.stringify(panel.options)};`,
            `export const custom${panel.id}: Part<Plain<GraphFieldConfig>> = ${JSON.stringify(panel.fieldConfig.defaults.custom ?? {})};`]),
    ].join('\n');
}

function complaints(text) {
    writeFileSync(`${here}generated.ts`, text);
    try {
        execFileSync(`${here}node_modules/.bin/tsc`, ['--noEmit', '--strict', '--skipLibCheck', '--moduleResolution', 'bundler', '--module', 'esnext', '--target', 'es2022', 'generated.ts'], { cwd: here, encoding: 'utf8' });
        return [];
    } catch (error) {
        return error.stdout.trim().split('\n');
    } finally {
        rmSync(`${here}generated.ts`);
    }
}

is(complaints(program(rest, panels)), [], "the dashboard is of Grafana's types");
const wrong = [{ ...panels[0], gridPos: 4, options: { ...panels[0].options, graphMode: 'lines' } }];
is(complaints(program({ ...rest, schemaVersion: '39' }, wrong)).filter(line => /error TS/.test(line)).length, 3, 'which find what is wrong');
done();
