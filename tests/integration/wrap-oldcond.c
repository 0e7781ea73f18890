/* SPDX-License-Identifier: MIT */
/* wrap-oldcond - a program of before glibc 2.3.2, as far as its linker knew: its condition variable
 * is one pointer, and what lies behind it is not to be touched. x86-64 only. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int old_timedwait(void *cond, pthread_mutex_t *mutex, const struct timespec *deadline);
int old_destroy(void *cond);
__asm__(".symver old_timedwait, pthread_cond_timedwait@GLIBC_2.2.5");
__asm__(".symver old_destroy, pthread_cond_destroy@GLIBC_2.2.5");

int main(void)
{
	static const char zero[64];
	static struct {
		void *cond;
		char behind[64];
	} old;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	struct timespec now;
	int result;

	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&mutex);
	result = old_timedwait(&old, &mutex, &now);
	pthread_mutex_unlock(&mutex);
	old_destroy(&old);
	puts(result == ETIMEDOUT && !memcmp(old.behind, zero, sizeof(zero)) ? "ok" : "broken");
	return 0;
}
