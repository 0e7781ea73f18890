/* SPDX-License-Identifier: MIT */
#ifndef PISTE_WIRE_RULES_H
#define PISTE_WIRE_RULES_H

/*
 * rules - which sites a session wants. One piece of code for the program,
 * which applies it to objects that it loads later, and for the recorder, which
 * switches sites on and picks its own records out of a shared chunk.
 *
 * A rule is a glob (* ? [a-z] [!a-z] and \ to escape) over "provider:event"; without a
 * ':' it is matched against the event alone; "u:" in front is dropped ('*'
 * also matches ':'). The last rule that matches decides; '!' in front
 * excludes. Nothing matches an empty list. Async-signal-safe, no libc.
 */

#include "piste/wire/pool.h"

/* Whether `c` is in the class at *pattern, which moves behind it. Bytes compare unsigned, so
 * that every machine agrees. */
static inline int piste_glob_class(const char **pattern, char c)
{
	const char *p = *pattern + 1; /* behind '[' */
	int negate = *p == '!' || *p == '^', found = 0;

	if (negate)
		p++;
	for (int first = 1; *p && (*p != ']' || first); first = 0) {
		unsigned char low, high;

		p += *p == '\\' && p[1];
		low = high = (unsigned char)*p++;
		if (*p == '-' && p[1] && p[1] != ']') {
			p += p[1] == '\\' && p[2] ? 2 : 1;
			high = (unsigned char)*p++;
		}
		if (low <= (unsigned char)c && (unsigned char)c <= high)
			found = 1;
	}
	if (*p == ']')
		p++;
	*pattern = p;
	return found != negate;
}

/* Matches the whole of `text`. Linear in the product of the lengths, no recursion. */
static inline int piste_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
			continue;
		}
		if (*text == '\0')
			return *pattern == '\0';
		if (*pattern == '[') {
			const char *next = pattern;

			if (piste_glob_class(&next, *text)) {
				pattern = next;
				text++;
				continue;
			}
		} else if (*pattern == '?') {
			pattern++;
			text++;
			continue;
		} else {
			const char *literal = *pattern == '\\' && pattern[1] ? pattern + 1
									     : pattern;

			if (*literal && *literal == *text) {
				pattern = literal + 1;
				text++;
				continue;
			}
		}
		if (!star)
			return 0;
		pattern = star;
		text = ++retry;
	}
}

/* `name` is "provider:event"; `event` points into it, behind the ':'. */
static inline int piste_rules_match(const char rules[PISTE_RULES_SIZE], const char *name,
				    const char *event)
{
	const char *rule = rules;
	int wanted = 0;

	if (rules[PISTE_RULES_SIZE - 1])
		return 0; /* broken: nothing ends the last rule */

	while (rule < rules + PISTE_RULES_SIZE - 1 && *rule) {
		const char *pattern = rule;
		int exclude = *pattern == '!', has_colon = 0;

		if (exclude)
			pattern++;
		if (pattern[0] == 'u' && pattern[1] == ':')
			pattern += 2;
		for (const char *p = pattern; *p; p++)
			has_colon |= *p == ':';
		if (piste_glob(pattern, has_colon ? name : event))
			wanted = !exclude;
		while (*rule)
			rule++;
		rule++;
	}
	return wanted;
}

/* Whether a session wants a site. The text of the site must end within text_size. */
static inline int piste_session_wants(const struct piste_session *session,
				      const struct piste_site *site)
{
	static const char *const suffixes[] = {"", "_begin", "_end"};
	const char *text = (const char *)(site + 1);
	char name[256];
	size_t n = 0, event;
	const char *suffix = site->kind == PISTE_SITE_SPAN_BEGIN ? suffixes[1]
			     : site->kind == PISTE_SITE_SPAN_END ? suffixes[2]
								 : suffixes[0];

	/* the gate of an `if` knows no level */
	if (site->kind != PISTE_SITE_GATE && site->level > session->level)
		return 0;
	while (*text && n < 120)
		name[n++] = *text++;
	while (*text)
		text++;
	text++;
	name[n++] = ':';
	event = n;
	while (*text && n < sizeof(name) - 8)
		name[n++] = *text++;
	while (*suffix)
		name[n++] = *suffix++;
	name[n] = '\0';
	return piste_rules_match(session->rules, name, name + event);
}

#endif
