/** The frame of both pages: navigation, state of the live connection, theme, and the page itself. */
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { Button } from './button.tsx';
import { useLiveState } from './data.tsx';
import { FaultBoundary } from './fault.tsx';
import { Icon, Mark, type IconName } from './icons.tsx';
import type { LiveState } from './live.ts';
import { chooseTheme, useThemeChoice, type ThemeChoice } from './theme.ts';

export interface NavItem {
  readonly path: string;
  readonly label: string;
  readonly icon: IconName;
  /** What waits there, as 2 requests; 0 is not shown. */
  readonly waiting?: number;
  /** Of `waiting`, for screen readers. */
  readonly waitingFor?: string;
}

export interface AppShellProps {
  readonly name: string;
  /** Whose page it is. */
  readonly detail?: string;
  readonly navigation: readonly NavItem[];
  /** Who is logged in, and what they can do about it. */
  readonly account?: ReactNode;
  readonly children: ReactNode;
}

/** The page's own main part: scrolled to and focused, never a place in the address. */
function focusMain(): void {
  document.getElementById('main')?.focus();
}

export function AppShell({ name, detail, navigation, account, children }: AppShellProps) {
  const [isOpen, setOpen] = useState(false);
  const [path] = useLocation();
  const isFirst = useRef(true);
  useEffect(() => {
    setOpen(false);
    if (!isFirst.current) {
      scrollTo(0, 0);
      focusMain();
    }
    isFirst.current = false;
  }, [path]);
  return (
    <div className="shell">
      <a
        className="skip-link"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          focusMain();
        }}
      >
        Skip to the content
      </a>
      <header className={isOpen ? 'side open' : 'side'}>
        <Link href="/" className="brand">
          <Mark />
          <span>
            {name}
            {detail !== undefined && <span className="brand-detail">{detail}</span>}
          </span>
        </Link>
        <Button
          className="menu-button"
          label="Menu"
          isExpanded={isOpen}
          controls="side-navigation"
          onPress={() => {
            setOpen(!isOpen);
          }}
        >
          <Icon name={isOpen ? 'close' : 'menu'} />
        </Button>
        <nav aria-label="Main" id="side-navigation">
          <ul>
            {navigation.map((item) => (
              <NavLink key={item.path} item={item} path={path} />
            ))}
          </ul>
        </nav>
        <div className="side-foot">
          <LiveLine />
          <ThemeSwitch />
          {account}
        </div>
      </header>
      <div>
        <LiveBar />
        <main id="main" className="shell-main" tabIndex={-1}>
          <FaultBoundary place={path}>{children}</FaultBoundary>
        </main>
      </div>
    </div>
  );
}

function NavLink({ item, path }: { readonly item: NavItem; readonly path: string }) {
  const { waiting = 0, waitingFor = 'waiting' } = item;
  const isHere = item.path === '/' ? path === '/' : path === item.path || path.startsWith(`${item.path}/`);
  return (
    <li>
      <Link href={item.path} className="nav-link" aria-current={isHere ? 'page' : undefined}>
        <Icon name={item.icon} />
        {item.label}
        {waiting > 0 && (
          <span className="nav-count">
            {String(waiting)}
            <span className="visually-hidden"> {waitingFor}</span>
          </span>
        )}
      </Link>
    </li>
  );
}

const LIVE_WORDS: Readonly<Record<LiveState, readonly [tone: string, words: string]>> = {
  connecting: ['', 'Connecting'],
  live: ['good', 'Live'],
  reconnecting: ['warn', 'Reconnecting'],
  crowded: ['warn', 'Not live'],
  'signed-out': ['bad', 'Logged out'],
};

function LiveLine() {
  const [tone, words] = LIVE_WORDS[useLiveState()];
  return (
    <div className="live-state">
      <span className={`dot ${tone}`} aria-hidden="true" />
      {words}
    </div>
  );
}

function LiveBar() {
  const state = useLiveState();
  return (
    <div role="status">
      {state === 'crowded' && (
        <div className="live-bar">
          You have too many pages of this server open: close some. Until then this one is renewed every 15
          seconds.
        </div>
      )}
      {state === 'reconnecting' && (
        <div className="live-bar">
          The connection to the server is lost. What you see may be out of date; it is tried again by itself.
        </div>
      )}
    </div>
  );
}

const THEMES: readonly (readonly [ThemeChoice, string])[] = [
  ['system', 'Auto'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

function ThemeSwitch() {
  const chosen = useThemeChoice();
  return (
    <div className="segments" role="group" aria-label="Theme">
      {THEMES.map(([choice, words]) => (
        <button
          key={choice}
          type="button"
          aria-pressed={chosen === choice}
          onClick={() => {
            chooseTheme(choice);
          }}
        >
          {words}
        </button>
      ))}
    </div>
  );
}

export interface PageProps {
  readonly title: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  /** The page above this one. */
  readonly parent?: { readonly path: string; readonly label: string };
  readonly children: ReactNode;
}

/** One page within the frame: its heading, what can be done, and its content. */
export function Page({ title, lead, actions, parent, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Consilium`;
  }, [title]);
  return (
    <div className="page">
      <div className="page-head">
        <div>
          {parent && (
            <div className="crumbs">
              <Link href={parent.path}>{parent.label}</Link>
            </div>
          )}
          <h1>{title}</h1>
          {lead !== undefined && <p className="lead">{lead}</p>}
        </div>
        {actions !== undefined && <div className="cluster">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
