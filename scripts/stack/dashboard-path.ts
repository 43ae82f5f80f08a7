/** Where a person uses the dashboard: on this machine; elsewhere any static host serves it. */
export const dashboardPath = '/developer';
