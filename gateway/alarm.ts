import type { Logger } from 'pino';

/** Logs once when a state starts (a warning) and once when it ends, however often it is set. */
export type Alarm = (on: boolean, details?: object) => void;

export function createAlarm(
  log: Pick<Logger, 'info' | 'warn'>,
  messages: { begins: string; ends: string },
): Alarm {
  let raised = false;
  return (on, details = {}) => {
    if (on === raised) return;
    raised = on;
    if (on) log.warn(details, messages.begins);
    else log.info(details, messages.ends);
  };
}
