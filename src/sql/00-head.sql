-- kindly_stats: install script, put together from src/sql
\echo Use "CREATE EXTENSION kindly_stats" to load this file. \quit

COMMENT ON SCHEMA kindly_stats IS 'chatbot statistics: event tables, measures, questions, tallies';
