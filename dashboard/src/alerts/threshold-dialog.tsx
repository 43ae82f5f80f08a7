import type { FormEvent } from 'react';
import { Button } from '../components/button.tsx';
import { Dialog, DialogButtons } from '../components/dialog.tsx';
import { ThresholdFields, useThresholdForm } from './threshold-fields.tsx';

/** Sets the thresholds of the account, or of one key. `percents` is null where the key has no own. */
export function ThresholdDialog(props: {
  keyId?: string;
  /** What the key is called. */
  name?: string;
  percents: number[] | null;
  onClose: () => void;
}) {
  const { keyId, name, percents, onClose } = props;
  const thresholds = useThresholdForm(onClose);

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    thresholds.save(event.currentTarget, keyId);
  };
  return (
    <Dialog
      title={name ? `Thresholds of “${name}”` : 'Thresholds of the account'}
      onClose={onClose}
    >
      <form ref={thresholds.form} onSubmit={submit}>
        <ThresholdFields ofKey={keyId !== undefined} percents={percents} state={thresholds} />
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={thresholds.busy}>
            Save
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
