/* SPDX-License-Identifier: MIT */
/*
 * Any text as a script: parsed, shown, and compiled to the end. What was
 * refused has a reason.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lang_env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const params[] = {"12", "word"};
	struct lang_options options = {
		.params = params, .n_params = 2, .unsafe = true, .keep_ir = true};
	struct arena arena = {.limit_bytes = 256u << 20};
	struct lang_program *program = NULL;
	struct ast_script *script;
	struct diag diag = {0};
	struct str out = {0};
	char *text;
	int err;

	if (size > 4096)
		return 0;
	text = malloc(size + 1);
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	err = bt_parse(&script, "script", text, &arena, &diag);
	if (!err) {
		err = lang_compile(&program, script, &lang_env_test, &options, &arena, &diag);
		ast_write(&out, script);
	}
	assert(!err == !!program);
	assert(!err || diag.errors || arena_failed(&arena));
	for (size_t i = 0; i < diag.len; i++)
		lang_point(&out, text, &diag.entries[i]);
	str_fini(&out);
	diag_fini(&diag);
	arena_fini(&arena);
	free(text);
	return 0;
}
