/* SPDX-License-Identifier: MIT */
/*
 * Packets at network devices, and the states of sockets. `skbaddr` and `skaddr`
 * are addresses: the same for as long as the packet, the socket lives.
 */
#include "kern/tables.h"

#define PACKET HEX64("skbaddr", "0"), U32("len", "0.len")

static const struct table_field packet_fields[] = {
	PACKET, CHARS("name", 16, "0.dev->name"), /* IFNAMSIZ */
};

static const struct table_field xmit_fields[] = {
	PACKET,
	CHARS("name", 16, "1.name"),
	U16("queue_mapping", "0.queue_mapping"),
	U16("protocol", "0.protocol", .is_swapped = true, .field.base = KERN_HEX),
	U32("data_len", "0.data_len"),
};

static const struct kern_label tcp_states[] = {
	{1, "ESTABLISHED"},     {2, "SYN_SENT"},  {3, "SYN_RECV"}, {4, "FIN_WAIT1"},
	{5, "FIN_WAIT2"},       {6, "TIME_WAIT"}, {7, "CLOSE"},    {8, "CLOSE_WAIT"},
	{9, "LAST_ACK"},        {10, "LISTEN"},   {11, "CLOSING"}, {12, "NEW_SYN_RECV"},
	{13, "BOUND_INACTIVE"},
};
static const struct kern_labels tcp_state_labels = {
	.name = "tcp_state",
	.items = tcp_states,
	.n = sizeof(tcp_states) / sizeof(*tcp_states),
};

static const struct kern_label families[] = {{2, "AF_INET"}, {10, "AF_INET6"}};
static const struct kern_labels family_labels = {.name = "family", .items = families, .n = 2};

static const struct kern_label protocols[] = {
	{6, "IPPROTO_TCP"},
	{33, "IPPROTO_DCCP"},
	{132, "IPPROTO_SCTP"},
	{262, "IPPROTO_MPTCP"},
};
static const struct kern_labels protocol_labels = {
	.name = "protocol",
	.items = protocols,
	.n = sizeof(protocols) / sizeof(*protocols),
};

static const struct table_field state_fields[] = {
	HEX64("skaddr", "0"),
	S32("oldstate", "1", .field.labels = &tcp_state_labels),
	S32("newstate", "2", .field.labels = &tcp_state_labels),
	U16("sport", "0.__sk_common.skc_num"),
	U16("dport", "0.__sk_common.skc_dport", .is_swapped = true),
	U16("family", "0.__sk_common.skc_family", .field.labels = &family_labels),
	U16("protocol", "0.sk_protocol", .field.labels = &protocol_labels),
	BYTES("saddr", 4, "0.__sk_common.skc_rcv_saddr"),
	BYTES("daddr", 4, "0.__sk_common.skc_daddr"),
	BYTES("saddr_v6", 16, "0.__sk_common.skc_v6_rcv_saddr"),
	BYTES("daddr_v6", 16, "0.__sk_common.skc_v6_daddr"),
};

static const struct table_event events[] = {
	{
		.name = "net:net_dev_queue",
		.lttng_name = "net_dev_queue",
		.tracepoint = "net_dev_queue",
		TABLE_FIELDS(packet_fields),
		.is_default = true,
	},
	{
		.name = "net:net_dev_start_xmit",
		.lttng_name = "net_dev_start_xmit",
		.tracepoint = "net_dev_start_xmit",
		TABLE_FIELDS(xmit_fields),
		.is_default = true,
	},
	{
		.name = "net:netif_receive_skb",
		.lttng_name = "net_if_receive_skb",
		.tracepoint = "netif_receive_skb",
		TABLE_FIELDS(packet_fields),
		.is_default = true,
	},
	{
		.name = "sock:inet_sock_set_state",
		.lttng_name = "inet_sock_set_state",
		.tracepoint = "inet_sock_set_state",
		TABLE_FIELDS(state_fields),
		.is_default = true,
		.scope = TABLE_OBJECT,
	},
};

const struct table table_net = {events, sizeof(events) / sizeof(*events)};
