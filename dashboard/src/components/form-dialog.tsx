import { type FormEvent, type ReactNode, useRef, useState } from 'react';
import type { Refusal } from '../data/refusal.ts';
import { Button } from './button.tsx';
import { Dialog, DialogButtons } from './dialog.tsx';
import { RefusalNotice } from './refusal-notice.tsx';
import type { Action } from './use-action.ts';
import { useFocusOnWrong } from './use-focus-on-wrong.ts';

interface FormProps {
  onClose: () => void;
  /** What the form does with its fields. */
  action: Action<[FormData]>;
  /** Says whether a field is wrong, and marks it: the action does not run then. */
  check?: (form: FormData) => unknown;
  /** What stands for a refusal in place of its usual words; null for one that is said at its field. */
  explain?: (refusal: Refusal) => ReactNode | undefined;
  /** The words on the button that submits. */
  submit: string;
  kind?: 'primary' | 'danger';
  /** It cannot be submitted now. */
  disabled?: boolean;
  children: ReactNode;
}

/** A dialog that is a form: its fields, why it was refused, and its buttons. */
export function FormDialog({ title, ...form }: { title: string } & FormProps) {
  return (
    <Dialog title={title} onClose={form.onClose}>
      <DialogForm {...form} />
    </Dialog>
  );
}

/** The form of such a dialog by itself, for one that has something to read first. */
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
