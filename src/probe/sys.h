/* SPDX-License-Identifier: MIT */
#ifndef PISTE_PROBE_SYS_H
#define PISTE_PROBE_SYS_H

/*
 * sys - system calls without libc: they leave errno alone, may be made in a
 * signal handler and in a forked child, and need no symbol of any libc. All
 * return the kernel's value: negative errno on failure.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static inline long sys_call6(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
#error "piste: x86-64 and aarch64 only"
#endif
}

/* memcpy for what is not one object: a sanitizer's memcpy would find the gaps between them. */
static inline void sys_copy(void *to, const void *from, size_t size)
{
#if defined(__x86_64__)
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
#else
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
#endif
}

#define SYS_CALL(number, ...) SYS_CALL_(number, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define SYS_CALL_(number, a, b, c, d, e, f, ...)                                                   \
	sys_call6(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline int sys_failed(long result)
{
	return (unsigned long)result > -4096ul;
}

static inline void *sys_mmap(void *at, size_t size, int protection, int flags, int fd)
{
	long result = SYS_CALL(SYS_mmap, at, size, protection, flags, fd, 0);

	return sys_failed(result) ? NULL : (void *)result;
}

static inline uint32_t sys_gettid(void)
{
	return (uint32_t)SYS_CALL(SYS_gettid, 0);
}

static inline uint32_t sys_getpid(void)
{
	return (uint32_t)SYS_CALL(SYS_getpid, 0);
}

#endif
