/** The dashboard's path on the local stack; elsewhere, any static host serves it. */
export const dashboardPath = '/developer';
