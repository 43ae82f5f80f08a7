import { type FormEvent, type ReactNode, useRef, useState } from 'react';
import type { Refusal } from '../data/refusal.ts';
import { Button } from './button.tsx';
import { Dialog, DialogButtons } from './dialog.tsx';
import { RefusalNotice } from './refusal-notice.tsx';
import type { Action } from './use-action.ts';
import { useFocusOnWrong } from './use-focus-on-wrong.ts';

interface FormProps {
  onClose: () => void;
  /** Runs on submit. */
  action: Action<[FormData]>;
  /** Marks wrong fields and returns a truthy value if there are any: then the action does not run. */
  check?: (form: FormData) => unknown;
  /** Replaces the usual words of a refusal; null for one that is shown at its field. */
  explain?: (refusal: Refusal) => ReactNode | undefined;
  /** The submit button's label. */
  submit: string;
  kind?: 'primary' | 'danger';
  /** The form cannot be submitted now. */
  disabled?: boolean;
  children: ReactNode;
}

/** A dialog with a form: its fields, why the action was refused, and its buttons. */
export function FormDialog({ title, ...form }: { title: string } & FormProps) {
  return (
    <Dialog title={title} onClose={form.onClose}>
      <DialogForm {...form} />
    </Dialog>
  );
}

/** The form of such a dialog alone, for a dialog that must load something first. */
export function DialogForm(props: FormProps) {
  const { onClose, action, check, explain, submit, kind = 'primary', disabled, children } = props;
  const form = useRef<HTMLFormElement>(null);
  const [attempts, setAttempts] = useState(0);
  useFocusOnWrong(form, attempts);
  useFocusOnWrong(form, action.refusal);

  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (disabled) return;
    const entered = new FormData(event.currentTarget);
    setAttempts(attempts + 1);
    if (!check?.(entered)) void action.run(entered);
  };
  return (
    <form ref={form} onSubmit={onSubmit}>
      {children}
      {action.refusal && <Refused refusal={action.refusal} own={explain?.(action.refusal)} />}
      <DialogButtons>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind={kind} type="submit" busy={action.busy} aria-disabled={disabled}>
          {submit}
        </Button>
      </DialogButtons>
    </form>
  );
}

function Refused({ refusal, own }: { refusal: Refusal; own: ReactNode | undefined }) {
  return own === undefined ? <RefusalNotice refusal={refusal} /> : own;
}

/** The text of a field, without the space around it. */
export function textOf(form: FormData, name: string): string {
  return String(form.get(name) ?? '').trim();
}
