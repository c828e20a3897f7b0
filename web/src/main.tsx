import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { App } from './app/App';
import { Boundary } from './app/Boundary';
import { createClient } from './app/client';
import { ClientContext } from './state/hooks';
import './styles.css';

const client = createClient((import.meta.env.VITE_API_BASE_URL ?? '').replace(/\/+$/, ''));
const root = document.getElementById('root');
if (!root) throw new Error('index.html has no root');

createRoot(root).render(
  <StrictMode>
    <ClientContext value={client}>
      <BrowserRouter>
        <Boundary>
          <App />
        </Boundary>
      </BrowserRouter>
    </ClientContext>
  </StrictMode>,
);
client.begin();
