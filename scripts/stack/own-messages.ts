/** The API gateway's own responses. */
export const ownMessages = {
  starting: 'The stack is starting.',
  away: 'The service behind this path does not respond.',
  noRoute: 'no Route matched with those values',
  failed: 'The API gateway could not handle this request.',
};
