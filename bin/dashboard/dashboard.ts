/** What the command needs of the dashboard, in one file of its own beside the program. */
export { openBrowser } from './browser.ts';
export { startDashboard } from './server.ts';
