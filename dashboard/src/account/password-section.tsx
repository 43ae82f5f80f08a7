import { useState } from 'react';
import { Section } from '../key/section.tsx';
import { useAnnounce } from '../layout/announcer.tsx';
import { NewPasswordForm } from '../session/new-password-form.tsx';

export function PasswordSection() {
  const announce = useAnnounce();
  const [times, setTimes] = useState(0);
  return (
    <Section title="Password" framed>
      <p>A new password ends all your other sessions.</p>
      <NewPasswordForm
        key={times}
        onDone={() => {
          announce('Password changed.');
          setTimes(times + 1);
        }}
      />
    </Section>
  );
}
