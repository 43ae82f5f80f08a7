import { FormDialog } from '../components/form-dialog.tsx';
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
  const { wrong, ...form } = useThresholdForm(keyId, onClose);
  return (
    <FormDialog
      title={name ? `Thresholds of “${name}”` : 'Thresholds of the account'}
      onClose={onClose}
      {...form}
      submit="Save"
    >
      <ThresholdFields ofKey={keyId !== undefined} percents={percents} wrong={wrong} />
    </FormDialog>
  );
}
