import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { newUser, type Persona, password } from '../../support/personas.ts';
import { dashboardUrl } from './dashboard-url.ts';
import type { Visitor } from './visitor.ts';

/** Opens the dashboard with an existing session, of a new user by default. */
export async function enter(
  { page, remember }: Pick<Visitor, 'page' | 'remember'>,
  path = '/',
  who?: Persona,
): Promise<Persona> {
  const user = who ?? (await newUser());
  const { data } = await user.supabase.auth.getSession();
  if (!data.session) throw new Error('no session');
  await remember(data.session);
  await page.goto(dashboardUrl(path));
  await page.getByRole('navigation', { name: 'Pages', exact: true }).waitFor();
  return user;
}

/** Signs a new user up on the page; returns the email address. */
export async function signUp(page: Page): Promise<string> {
  const email = `${randomUUID()}@example.com`;
  await page.goto(dashboardUrl());
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('navigation', { name: 'Pages', exact: true }).waitFor();
  return email;
}

/** Signs in a user with an account, at a path of the dashboard. */
export async function signIn(page: Page, email: string, path = '/'): Promise<void> {
  await page.goto(dashboardUrl(path));
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('navigation', { name: 'Pages', exact: true }).waitFor();
}

/** Opens the keys and creates one; its secret is then on the page. */
export async function mint(page: Page, label: string): Promise<void> {
  await page.getByRole('link', { name: 'Keys', exact: true }).click();
  await page.getByRole('button', { name: 'Create key' }).click();
  await page.getByLabel('Label').fill(label);
  await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
  await page.getByRole('button', { name: 'I have stored it' }).waitFor();
}

/** The value in the secret's dialog with this name: `Key ID`, `Secret`, `curl`. */
export async function shownAs(page: Page, name: string): Promise<string> {
  const dialog = page.getByRole('alertdialog');
  const value = dialog.getByRole('group', { name, exact: true }).locator('code');
  return (await value.textContent()) ?? '';
}

/** Goes from a key's page to the list of keys. */
export async function backToKeys(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Keys', exact: true }).first().click();
  await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
}

/** Closes the secret's dialog; after a mint, the key's page opens. */
export async function close(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'I have stored it' }).click();
  await page.getByRole('alertdialog').waitFor({ state: 'detached' });
}

/** Chooses an action on a key in the list. */
export async function chooseAction(page: Page, label: string, action: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${label}` }).click();
  await page.getByRole('menuitem', { name: action }).click();
}

/** Resolves when an admin's search shows exactly one key, of this owner. */
export async function untilFoundAlone(page: Page, owner: string): Promise<void> {
  const owners = page.getByRole('table').locator('[data-name=Owner]');
  await expect.poll(() => owners.allTextContents()).toEqual([owner]);
}
