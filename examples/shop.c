/* SPDX-License-Identifier: MIT */
/*
 * A shop with several clerks: an instrumented program with threads, a queue
 * behind a mutex, spans, a log, and types of its own.
 *
 *	shop [ORDERS [CLERKS]]		20000 orders, 4 clerks
 *
 * It prints how many of each event it passed; a recording has just as many.
 */
#include <piste/piste.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS_MAX = 5, QUEUE_SIZE = 64, CLERKS_MAX = 64 };

enum payment { CASH, CARD, INVOICE };
PISTE_ENUM(payment, enum payment, CASH, CARD, INVOICE);

struct item {
	const char *name;
	unsigned cents;
};
PISTE_STRUCT(item, const struct item *self, self->name, (cents, self->cents, unit = cent));

struct order {
	long id;
	enum payment payment;
	int count;
	struct item items[ITEMS_MAX];
};

static const struct item stock[] = {{"tea", 450}, {"bread", 320}, {"soap", 199}, {"pen", 80}};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t filled, emptied;
	struct order orders[QUEUE_SIZE];
	int first, count;
	bool closed;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER,
	   .filled = PTHREAD_COND_INITIALIZER,
	   .emptied = PTHREAD_COND_INITIALIZER};

struct clerk {
	pthread_t thread;
	long done, refused, invoices;
};

static void queue_put(const struct order *order)
{
	pthread_mutex_lock(&queue.mutex);
	while (queue.count == QUEUE_SIZE)
		pthread_cond_wait(&queue.emptied, &queue.mutex);
	queue.orders[(queue.first + queue.count++) % QUEUE_SIZE] = *order;
	PISTE_LEVEL(PISTE_DEBUG, shop, queued, order->id, (depth, queue.count));
	pthread_cond_signal(&queue.filled);
	pthread_mutex_unlock(&queue.mutex);
}

static bool queue_take(struct order *order)
{
	bool taken;

	pthread_mutex_lock(&queue.mutex);
	while (!queue.count && !queue.closed)
		pthread_cond_wait(&queue.filled, &queue.mutex);
	taken = queue.count > 0;
	if (taken) {
		*order = queue.orders[queue.first];
		queue.first = (queue.first + 1) % QUEUE_SIZE;
		queue.count--;
		pthread_cond_signal(&queue.emptied);
	}
	pthread_mutex_unlock(&queue.mutex);
	return taken;
}

static double order_total(const struct order *order)
{
	unsigned cents = 0;

	for (int i = 0; i < order->count; i++)
		cents += order->items[i].cents;
	return cents / 100.0;
}

static void order_serve(struct clerk *clerk, const struct order *order)
{
	PISTE_SCOPE(shop, checkout, order->id);
	double total = order_total(order);

	if (order->id % 97 == 0) {
		PISTE_LOG(shop, PISTE_WARNING, "order %ld of %.2f refused: no %s", order->id, total,
			  order->items[0].name);
		clerk->refused++;
		return; /* the span ends here, too */
	}
	if (PISTE_ENABLED(shop, order_done))
		PISTE(shop, order_done, order->id, total, PISTE_AS(payment, order->payment),
		      PISTE_ARRAY_OF(item, order->items, order->count));
	if (order->payment == INVOICE) {
		PISTE_LEVEL(PISTE_NOTICE, shop, invoice, order->id, (due_days, 30, unit = day));
		clerk->invoices++;
	}
	clerk->done++;
}

static void *clerk_work(void *arg)
{
	struct clerk *clerk = arg;
	struct order order;

	while (queue_take(&order))
		order_serve(clerk, &order);
	return NULL;
}

static long number(const char *text, long least, long most)
{
	long n = text ? strtol(text, NULL, 10) : least - 1;

	return n < least ? least : n > most ? most : n;
}

int main(int argc, char **argv)
{
	long orders = argc > 1 ? number(argv[1], 1, 100000000) : 20000;
	long clerks = argc > 2 ? number(argv[2], 1, CLERKS_MAX) : 4;
	struct clerk staff[CLERKS_MAX] = {0}, all = {0};

	PISTE(shop, opened, orders, clerks);
	for (long i = 0; i < clerks; i++)
		if (pthread_create(&staff[i].thread, NULL, clerk_work, &staff[i])) {
			perror("shop: pthread_create");
			return 1;
		}
	for (long id = 1; id <= orders; id++) {
		struct order order = {.id = id, .payment = (enum payment)(id % 3)};

		order.count = (int)(id % ITEMS_MAX) + 1;
		for (int i = 0; i < order.count; i++)
			order.items[i] = stock[(id + i) % (long)(sizeof(stock) / sizeof(*stock))];
		queue_put(&order);
	}
	pthread_mutex_lock(&queue.mutex);
	queue.closed = true;
	pthread_cond_broadcast(&queue.filled);
	pthread_mutex_unlock(&queue.mutex);
	for (long i = 0; i < clerks; i++) {
		pthread_join(staff[i].thread, NULL);
		all.done += staff[i].done;
		all.refused += staff[i].refused;
		all.invoices += staff[i].invoices;
	}
	PISTE(shop, closed, all.done, all.refused);
	printf("shop:opened 1\nshop:queued %ld\nshop:checkout_begin %ld\nshop:log %ld\n", orders,
	       orders, all.refused);
	printf("shop:order_done %ld\nshop:invoice %ld\nshop:checkout_end %ld\nshop:closed 1\n",
	       all.done, all.invoices, orders);
	return 0;
}
