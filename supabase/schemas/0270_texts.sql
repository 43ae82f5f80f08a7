-- Texts that people write for people: labels and reasons. The characters are listed explicitly,
-- because the meaning of \s depends on the database's locale. All functions are strict: a key's
-- checks run on every change of it, and most keys have no reason.
create function proxy_private.clean_text(value text, most integer) returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  -- of any script
  spaces constant text :=
    E' \t\n\u000b\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009'
      || E'\u200a\u2028\u2029\u202f\u205f\u3000\ufeff';
  -- invisible characters: joiners, fillers, variation selectors, tags, an empty Braille pattern
  invisible constant text := '\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f'
    '\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufff9-\ufffb\uffa0'
    '\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff';
  clean text;
begin
  -- check the size first: the largest body that the routes accept
  if octet_length(clean_text.value) > 16384 then
    return null;
  end if;
  clean := btrim(clean_text.value, spaces);
  if char_length(clean) not between 1 and clean_text.most
    -- control characters, and those that change the direction of the text around them
    or clean ~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]'
    or clean !~ ('[^' || spaces || invisible || ']')
  then
    return null;
  end if;
  return clean;
end
$$;
comment on function proxy_private.clean_text is
  'The text without spaces, of any script, at its ends. Null if the result does not have 1 to '
  '`most` characters, contains a control or bidirectional control character, or has no visible '
  'character.';


create function proxy_private.clean_label(value text) returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.clean_text(clean_label.value, 80);
end
$$;
comment on function proxy_private.clean_label is
  'The label of a key as clean text of 1 to 80 characters; null if it is not valid.';

create function proxy_private.clean_reason(value text) returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
begin
  return proxy_private.clean_text(clean_reason.value, 500);
end
$$;
comment on function proxy_private.clean_reason is
  'An admin''s reason as clean text of 1 to 500 characters; null if it is not valid.';


insert into proxy_private.argument_rules (argument, rule) values
  (
    'label',
    'A label has 1 to 80 characters, not counting spaces at its ends; at least one is visible, '
      'and none controls text or its direction.'
  ),
  (
    'reason',
    'A reason has 1 to 500 characters, not counting spaces at its ends; at least one is visible, '
      'and none controls text or its direction.'
  );


-- Default privileges may grant too much: revoke all.
revoke all on function proxy_private.clean_text, proxy_private.clean_label, proxy_private.clean_reason
  from public, anon, authenticated, service_role;
