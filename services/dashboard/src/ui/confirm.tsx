import { type ReactNode, useEffect, useRef } from 'react';

/** Asks before something that cannot be undone. */
export function Confirm(props: {
  title: string;
  children: ReactNode;
  verb: string;
  onConfirm: () => void;
  onClose: () => void;
}) {
  const { title, children, verb, onConfirm, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{title}</h2>
      <div className="confirm-text">{children}</div>
      <div className="row end">
        <button type="button" onClick={() => dialog.current?.close()}>
          Keep
        </button>
        <button
          type="button"
          className="danger"
          onClick={() => {
            onConfirm();
            dialog.current?.close();
          }}
        >
          {verb}
        </button>
      </div>
    </dialog>
  );
}
