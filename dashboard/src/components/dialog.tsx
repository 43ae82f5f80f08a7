import { type ReactNode, useEffect } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import styles from './dialog.module.css';
import { returnFocus } from './page-focus.ts';

/**
 * A dialog over the page, which it makes inert; the focus goes in, and back where it was. `onClose` is
 * called on Escape and on a press beside it, unless `mustAnswer`: then only a button within closes it.
 */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  mustAnswer?: boolean;
  /** The id of what is read out after the title, as the dialog opens. */
  describedBy?: string;
  children: ReactNode;
}) {
  const { title, onClose, mustAnswer = false, describedBy, children } = props;
  useEffect(
    () => () => {
      // react-aria lets go of the page in the next frame
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

/** The buttons at the end of a dialog: the one that does it last, and first on a phone. */
export function DialogButtons({ children }: { children: ReactNode }) {
  return <div className={styles.buttons}>{children}</div>;
}
