import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Paged } from '../admin/paged.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { RefusalNotice } from '../components/refusal-notice.tsx';
import { useAction } from '../components/use-action.ts';
import type { Webhook } from '../data/alert.ts';
import { resendDelivery } from '../data/alert-actions.ts';
import { useDeliveries } from '../data/use-deliveries.ts';
import { counted } from '../format/amount.ts';
import { Section } from '../key/section.tsx';
import { useAnnounce } from '../layout/announcer.tsx';
import { useSession } from '../session/session-context.ts';
import styles from './delivery-entry.module.css';
import { DeliveryEntry } from './delivery-entry.tsx';

/** The deliveries to a webhook and their outcomes, newest alert first. */
export function DeliverySection({
  value: webhook,
  operator,
}: {
  value: Webhook;
  operator: boolean;
}) {
  const { supabase } = useSession();
  const announce = useAnnounce();
  const deliveries = useDeliveries(webhook.id, operator);
  const queryClient = useQueryClient();
  const attempts = deliveries.data?.reduce((sum, delivery) => sum + delivery.attempts, 0);
  // an attempt's outcome may change the webhook's state
  // biome-ignore lint/correctness/useExhaustiveDependencies: the effect runs on each change
  useEffect(() => {
    void queryClient.invalidateQueries({ queryKey: ['webhooks', operator] });
  }, [queryClient, operator, attempts]);
  const [resent, setResent] = useState<string>();
  const resend = useAction(async (id: string) => {
    setResent(id);
    await resendDelivery(supabase, id, operator);
    announce('Sending again.');
  });
  return (
    <Section title="Deliveries">
      {resend.refusal && <RefusalNotice refusal={resend.refusal} />}
      <Paged
        query={deliveries}
        what="the deliveries"
        count={(found) => counted(found.length, 'delivery', 'deliveries')}
        none={
          <EmptyState title="No deliveries yet">
            <p>New alerts are sent to this webhook. To try it, send a test.</p>
          </EmptyState>
        }
      >
        {(found) => (
          <ol className={styles.deliveries}>
            {found.map((delivery) => (
              <DeliveryEntry
                key={delivery.id}
                value={delivery}
                webhook={webhook}
                busy={resend.busy && resent === delivery.id}
                onResend={() => void resend.run(delivery.id)}
              />
            ))}
          </ol>
        )}
      </Paged>
    </Section>
  );
}
