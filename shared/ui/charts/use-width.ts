/** The room that an element has, followed as it changes. */
import { useEffect, useState, type RefObject } from 'react';

/** In CSS pixels; 0 until it has been measured. The element may come later, as when a chart gets its first values. */
export function useWidth(ref: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  const [element, setElement] = useState<HTMLElement | null>(null);
  // After every render: nothing tells when a reference begins to hold an element.
  useEffect(() => {
    setElement(ref.current);
  });
  useEffect(() => {
    if (!element) return;
    const observer = new ResizeObserver(() => {
      setWidth(Math.floor(element.clientWidth));
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, [element]);
  return width;
}
