/** The site page's entry. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../../../shared/ui/style.css';

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <main>Consilium site</main>
    </StrictMode>,
  );
