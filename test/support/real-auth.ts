/** Whether the stack runs Supabase Auth itself, from `AUTH_BIN`, and not its local replacement. */
export const realAuth = Boolean(process.env.AUTH_BIN);
