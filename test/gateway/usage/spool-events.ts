import { newEventId, type UsageEvent } from '../../../gateway/usage/usage-event.ts';

export function newEvent(fields: Partial<UsageEvent> = {}): UsageEvent {
  return {
    eventId: newEventId(),
    apiKeyId: '01900000-0000-7000-8000-000000000000',
    occurredAt: new Date().toISOString(),
    targetHost: 'shop.example.com',
    targetSite: 'example.com',
    method: 'CONNECT',
    statusCode: 200,
    bytesSent: 100,
    bytesReceived: 1000,
    durationMs: 50,
    servedByNodeId: 'node-1',
    ...fields,
  };
}

export function newEvents(count: number, fields: Partial<UsageEvent> = {}): UsageEvent[] {
  return Array.from({ length: count }, () => newEvent(fields));
}
