import { Suspense } from 'react';
import { Navigate, Route, Routes, useLocation } from 'react-router';
import { useApp, useMe } from '@/state/hooks';
import { part } from './part';
import { Splash, Stopped, Unreachable } from './Screens';

const AuthPage = part(() => import('@/features/auth/AuthPage').then((m) => m.AuthPage));
const SetupPage = part(() => import('@/features/auth/SetupPage').then((m) => m.SetupPage));
const MustChange = part(() => import('@/features/settings/MustChange').then((m) => m.MustChange));
const Shell = part(() => import('./Shell').then((m) => m.Shell));

export function App() {
  const status = useApp((s) => s.session.status);
  const stopped = useApp((s) => s.link.state === 'stopped' && s.link.reason !== 'auth');
  const mustChange = useMe()?.mustChange === true;
  if (status === 'unknown') return <Splash />;
  if (status === 'unreachable') return <Unreachable />;
  return (
    <Routes>
      <Route path="/login" element={<Public mode="login" />} />
      <Route path="/signup" element={<Public mode="signup" />} />
      <Route path="/join/:code" element={<Public mode="signup" />} />
      <Route
        path="/*"
        element={
          <Private>
            {stopped ? (
              <Stopped />
            ) : (
              <Suspense fallback={<Splash />}>
                {mustChange ? <MustChange /> : <Shell />}
              </Suspense>
            )}
          </Private>
        }
      />
    </Routes>
  );
}

/** Where one wanted to go is kept in the history entry, and is gone to after the login. */
function Private({ children }: { children: React.ReactNode }) {
  const session = useApp((s) => s.session);
  const location = useLocation();
  if (session.status === 'in') return children;
  const from = session.status === 'out' && session.why === 'left' ? '/' : location.pathname;
  return <Navigate to="/login" replace state={{ from }} />;
}

function Public({ mode }: { mode: 'login' | 'signup' }) {
  const signedIn = useApp((s) => s.session.status === 'in');
  const server = useApp((s) => s.server);
  const location = useLocation();
  const from = (location.state as { from?: string } | null)?.from;
  if (signedIn) return <Navigate to={from?.startsWith('/') ? from : '/'} replace />;
  const empty = server?.setUp === false;
  return (
    <Suspense fallback={<Splash />}>
      {empty ? <SetupPage /> : <AuthPage key={mode} mode={mode} />}
    </Suspense>
  );
}
