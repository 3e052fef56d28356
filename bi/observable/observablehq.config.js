// Nothing is loaded from elsewhere: fonts are the system's, and what the page imports comes from node_modules.
export default {
    root: 'src',
    title: 'Chatbot statistics',
    globalStylesheets: [],
    sidebar: false,
    toc: false,
    pager: false,
    search: false,
    footer: '',
};
