/** Short words on what was done, or failed, at the edge of the page. Failures stay until they are closed. */
import { createContext, useCallback, useContext, useRef, useState, type ReactNode } from 'react';
import { systemClock } from '../clock.ts';
import { Button } from './button.tsx';
import { Icon } from './icons.tsx';

interface Toast {
  readonly id: number;
  readonly tone: 'good' | 'bad';
  readonly text: string;
}

type ShowToast = (text: string, tone?: Toast['tone']) => void;

const SHOWN_FOR_MS = 6000;
const MOST_AT_ONCE = 4;

const Context = createContext<ShowToast>(() => undefined);

export const useToast = (): ShowToast => useContext(Context);

export function Toasts({ children }: { readonly children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const last = useRef(0);
  const close = useCallback((id: number) => {
    setToasts((present) => present.filter((toast) => toast.id !== id));
  }, []);
  const show = useCallback<ShowToast>(
    (text, tone = 'good') => {
      const id = ++last.current;
      setToasts((present) => [...present, { id, tone, text }].slice(-MOST_AT_ONCE));
      if (tone === 'good')
        systemClock.schedule(SHOWN_FOR_MS, () => {
          close(id);
        });
    },
    [close],
  );
  return (
    <Context value={show}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map(({ id, tone, text }) => (
          <div key={id} className={`toast ${tone}`}>
            <div>{text}</div>
            <Button
              kind="quiet"
              size="small"
              className="icon"
              label="Close this message"
              onPress={() => {
                close(id);
              }}
            >
              <Icon name="close" size={14} />
            </Button>
          </div>
        ))}
      </div>
    </Context>
  );
}
