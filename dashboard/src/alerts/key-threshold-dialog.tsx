import { useState } from 'react';
import { FormDialog } from '../components/form-dialog.tsx';
import type { Threshold } from '../data/alert.ts';
import { KeyPicker } from '../key-picker/key-picker.tsx';
import { ThresholdFields, useThresholdForm } from './threshold-fields.tsx';

/** Sets the thresholds of a chosen key. `own` are the thresholds of keys with their own. */
export function KeyThresholdDialog({ own, onClose }: { own: Threshold[]; onClose: () => void }) {
  const [keyId, setKeyId] = useState('');
  const { wrong, ...form } = useThresholdForm(keyId, onClose);
  return (
    <FormDialog title="Set thresholds for a key" onClose={onClose} {...form} submit="Save">
      <KeyPicker label="Key" undeleted required autoFocus value={keyId} onChange={setKeyId} />
      <ThresholdFields
        key={keyId}
        ofKey
        percents={own.find(({ key_id }) => key_id === keyId)?.percents ?? null}
        wrong={wrong}
      />
    </FormDialog>
  );
}
