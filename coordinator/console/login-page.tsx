/** Logging in. The address of the page stays, so that afterwards it shows what was asked for. */
import { useEffect, useState } from 'react';
import { Button } from '../../shared/ui/button.tsx';
import { Form, TextField } from '../../shared/ui/form.tsx';
import { Mark } from '../../shared/ui/icons.tsx';
import { Note } from '../../shared/ui/panels.tsx';
import type { Api } from '../../shared/ui/query.ts';
import type { SessionView } from '../http/api/people-views.ts';
import { LOGIN } from './paths.ts';

export interface LoginPageProps {
  readonly api: Api;
  /** Why it is shown to somebody who was logged in. */
  readonly notice: string | undefined;
  readonly onOpen: (session: SessionView) => void;
}

export function LoginPage({ api, notice, onOpen }: LoginPageProps) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [isTried, setTried] = useState(false);
  useEffect(() => {
    document.title = 'Log in · Consilium';
  }, []);
  const submit = (): void => {
    setTried(true);
    if (isBusy || name.trim() === '' || password === '') return;
    setBusy(true);
    setError(undefined);
    api.send('post', LOGIN, { name: name.trim(), password }).then(onOpen, (failure: unknown) => {
      setBusy(false);
      setPassword('');
      setError(failure);
    });
  };
  return (
    <main className="centred">
      <div className="brand">
        <Mark size={32} />
        <span>
          Consilium
          <span className="brand-detail">Coordinator of a federation of hospitals</span>
        </span>
      </div>
      <div className="card">
        <div className="card-body stack tight">
          <h1>Log in</h1>
          {notice !== undefined && (
            <Note tone="warn" isLive>
              <p>{notice}</p>
            </Note>
          )}
          <Form onSubmit={submit} error={error} label="Log in">
            <TextField
              label="Name"
              value={name}
              onChange={setName}
              autoComplete="username"
              isRequired
              problem={isTried && name.trim() === '' ? 'Enter your name.' : undefined}
            />
            <TextField
              label="Password"
              type="password"
              value={password}
              onChange={setPassword}
              autoComplete="current-password"
              isRequired
              problem={
                isTried && password === '' && !isBusy && error === undefined
                  ? 'Enter your password.'
                  : undefined
              }
            />
            <Button kind="primary" type="submit" isBusy={isBusy}>
              {isBusy ? 'Checking…' : 'Log in'}
            </Button>
          </Form>
        </div>
      </div>
      <p className="small quiet">
        No login yet? Whoever runs the coordinator makes one with <code>coordinator user add</code>.
      </p>
    </main>
  );
}
