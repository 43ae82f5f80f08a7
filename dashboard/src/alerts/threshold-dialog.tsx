import { FormDialog } from '../components/form-dialog.tsx';
import { ThresholdFields, useThresholdForm } from './threshold-fields.tsx';

/** Sets the thresholds of the account, or of one key. `percents` is null if the key has none of its own. */
export function ThresholdDialog(props: {
  keyId?: string;
  /** The key's label. */
  name?: string;
  percents: number[] | null;
  onClose: () => void;
}) {
  const { keyId, name, percents, onClose } = props;
  const { wrong, ...form } = useThresholdForm(keyId, onClose);
  return (
    <FormDialog
      title={name ? `Thresholds for “${name}”` : 'Account thresholds'}
      onClose={onClose}
      {...form}
      submit="Save"
    >
      <ThresholdFields ofKey={keyId !== undefined} percents={percents} wrong={wrong} />
    </FormDialog>
  );
}
