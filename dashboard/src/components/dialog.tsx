import { type ReactNode, useEffect } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import styles from './dialog.module.css';
import { returnFocus } from './page-focus.ts';

/**
 * A modal dialog. The focus moves in, and back when it closes. `onClose` is called on Escape and on a
 * press outside, unless `mustAnswer`: then only a button inside closes the dialog.
 */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  mustAnswer?: boolean;
  /** The id of the element that is read out after the title when the dialog opens. */
  describedBy?: string;
  children: ReactNode;
}) {
  const { title, onClose, mustAnswer = false, describedBy, children } = props;
  useEffect(
    () => () => {
      // react-aria releases the page in the next frame
      requestAnimationFrame(() => requestAnimationFrame(returnFocus));
    },
    [],
  );
  return (
    <ModalOverlay
      isOpen
      isDismissable={!mustAnswer}
      isKeyboardDismissDisabled={mustAnswer}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      className={styles.backdrop ?? ''}
    >
      <Modal className={styles.modal ?? ''}>
        <AriaDialog
          role={mustAnswer ? 'alertdialog' : 'dialog'}
          {...(describedBy ? { 'aria-describedby': describedBy } : {})}
          className={styles.dialog ?? ''}
        >
          <Heading slot="title" level={2} className={styles.title ?? ''}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}

/** The buttons of a dialog: the main one last, or first on a phone. */
export function DialogButtons({ children }: { children: ReactNode }) {
  return <div className={styles.buttons}>{children}</div>;
}
