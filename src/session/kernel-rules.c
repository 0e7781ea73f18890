/* SPDX-License-Identifier: MIT */
#include "session/kernel-rules.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

struct rule {
	const char *text; /* without '!' and the world */
	bool excludes, for_kernel, for_users; /* for_…: it says so */
};

static struct rule rule_parse(const char *text)
{
	struct rule r = {.excludes = *text == '!'};

	text += r.excludes;
	r.for_kernel = !strncmp(text, "k:", 2);
	r.for_users = !strncmp(text, "u:", 2);
	r.text = text + (r.for_kernel || r.for_users ? 2 : 0);
	return r;
}

/* Both halves of a system call have the name of the call too. */
static bool rule_names_call(const char *rule, const char *name)
{
	char call[128];
	size_t len = strlen(name);

	if (strncmp(name, "syscall:", 8) != 0 || len >= sizeof(call))
		return false;
	memcpy(call, name, len + 1);
	if (len > 6 && !strcmp(name + len - 6, "_entry"))
		call[len - 6] = '\0';
	else if (len > 5 && !strcmp(name + len - 5, "_exit"))
		call[len - 5] = '\0';
	return glob_match(rule, call);
}

bool kernel_rule_names(const char *rule, const char *name)
{
	return glob_match(rule, name) || rule_names_call(rule, name);
}

static bool rule_names_any(const char *rule, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		if (kernel_rule_names(rule, names[i]))
			return true;
	return false;
}

/* Whether some kernel event has the provider that the rule spells out. */
static bool has_provider(const char *rule, const char *const *names, size_t n_names)
{
	size_t len = strcspn(rule, ":");

	for (size_t i = 0; i < n_names; i++)
		if (!strncmp(names[i], rule, len + 1))
			return true;
	return false;
}

static int say_unknown(const char *rule, bool may_be_users, const char *const *names,
		       size_t n_names, struct diag *diag)
{
	const char *near = nearest_name(rule, names, n_names);

	diag_error(diag, NULL, "no event of the kernel is named %s", rule);
	if (near)
		diag_hint(diag, "did you mean %s?", near);
	else if (may_be_users)
		diag_hint(diag, "of user space: -e 'u:%s'; `piste list 'k:*'` has the kernel's",
			  rule);
	else
		diag_hint(diag, "`piste list 'k:*'` has them all");
	return -ENOENT;
}

static bool is_everything(const char *rule)
{
	return !strcmp(rule, "*") || !strcmp(rule, "*:*");
}

static int add_rule(struct kernel_rules *out, const char *text, const char *const *names,
		    size_t n_names, struct diag *diag)
{
	struct rule r = rule_parse(text);
	bool is_default = !r.for_kernel && is_everything(r.text), is_known;

	if (is_default && !r.for_users)
		out->wants_kernel |= !r.excludes;
	if (r.for_users || is_default || (!r.for_kernel && !strchr(r.text, ':'))) {
		out->for_users |= !r.excludes;
		return 0;
	}
	is_known = rule_names_any(r.text, names, n_names);
	if (n_names && !is_known && (r.for_kernel || has_provider(r.text, names, n_names)))
		return say_unknown(r.text, !r.for_kernel, names, n_names, diag);
	out->for_users |= !is_known && !r.for_kernel && !r.excludes;
	if (n_names && !is_known)
		return 0;
	out->wants_kernel |= !r.excludes;
	out->is_explicit |= r.for_kernel && !r.excludes;
	return vec_push(&out->chosen, text);
}

int kernel_rules_init(struct kernel_rules *out, const char *const *rules, size_t n_rules,
		      const char *const *names, size_t n_names, struct diag *diag)
{
	int err = 0;

	*out = (struct kernel_rules){0};
	for (size_t i = 0; i < n_rules && !err; i++)
		err = add_rule(out, rules[i], names, n_names, diag);
	return err;
}

void kernel_rules_fini(struct kernel_rules *rules)
{
	vec_fini(&rules->chosen);
}
