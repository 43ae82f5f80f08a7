import './styles/tokens.css';
import './styles/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { keepFocus } from './components/page-focus.ts';
import { guardHistory } from './components/page-hold.ts';
import { applyTheme, storedTheme } from './layout/theme.ts';
import { takeMailedLink } from './session/mailed-link.ts';

// before the router starts, which would treat the link as a route
const mailedLink = takeMailedLink();
applyTheme(storedTheme());
keepFocus();
guardHistory();
const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App mailedLink={mailedLink} />
  </StrictMode>,
);
