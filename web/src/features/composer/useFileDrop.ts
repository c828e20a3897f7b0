import { useEffect, useRef, useState } from 'react';

/** Files may be dropped anywhere on the page: a browser would leave the page for one that misses the field. Not while a
 *  dialog is open. True while some are held over the page. */
export function useFileDrop(attach: (files: readonly File[]) => void): boolean {
  const [over, setOver] = useState(false);
  const latest = useRef(attach);
  useEffect(() => {
    latest.current = attach;
  });
  useEffect(() => {
    const isBusy = () => document.querySelector('[role=dialog], dialog[open]') !== null;
    const onOver = (e: DragEvent) => {
      if (!e.dataTransfer?.types.includes('Files')) return;
      e.preventDefault();
      if (isBusy()) e.dataTransfer.dropEffect = 'none';
      else setOver(true);
    };
    const onLeave = (e: DragEvent) => {
      if (e.relatedTarget === null) setOver(false); // it left the page
    };
    const onDrop = (e: DragEvent) => {
      setOver(false);
      if (!e.dataTransfer?.types.includes('Files')) return;
      e.preventDefault();
      if (!isBusy()) latest.current([...e.dataTransfer.files]);
    };
    document.addEventListener('dragover', onOver);
    document.addEventListener('dragleave', onLeave);
    document.addEventListener('drop', onDrop);
    return () => {
      document.removeEventListener('dragover', onOver);
      document.removeEventListener('dragleave', onLeave);
      document.removeEventListener('drop', onDrop);
    };
  }, []);
  return over;
}
