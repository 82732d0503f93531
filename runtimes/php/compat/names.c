/* Protocols and services: what programs ask for of the lists that a machine has of them (/etc/protocols, /etc/services). */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static char *none[] = {NULL};

#define PROTOCOL(name, number, alias) {name, (char *[]){alias, NULL}, number}

static struct protoent protocols[] = {
    PROTOCOL("ip", 0, "IP"), PROTOCOL("icmp", 1, "ICMP"), PROTOCOL("igmp", 2, "IGMP"), PROTOCOL("ipencap", 4, "IP-ENCAP"),
    PROTOCOL("tcp", 6, "TCP"), PROTOCOL("egp", 8, "EGP"), PROTOCOL("udp", 17, "UDP"), PROTOCOL("ipv6", 41, "IPv6"),
    PROTOCOL("ipv6-route", 43, "IPv6-Route"), PROTOCOL("ipv6-frag", 44, "IPv6-Frag"), PROTOCOL("gre", 47, "GRE"),
    PROTOCOL("esp", 50, "IPSEC-ESP"), PROTOCOL("ah", 51, "IPSEC-AH"), PROTOCOL("ipv6-icmp", 58, "IPv6-ICMP"),
    PROTOCOL("ospf", 89, "OSPFIGP"), PROTOCOL("sctp", 132, "SCTP"),
};

struct protoent *getprotobyname(const char *name) {
  for (size_t index = 0; index < sizeof protocols / sizeof *protocols; index++)
    if (strcmp(protocols[index].p_name, name) == 0 || strcmp(protocols[index].p_aliases[0], name) == 0) return &protocols[index];
  return NULL;
}

struct protoent *getprotobynumber(int number) {
  for (size_t index = 0; index < sizeof protocols / sizeof *protocols; index++)
    if (protocols[index].p_proto == number) return &protocols[index];
  return NULL;
}

/* Those of both have the same port. */
static const struct {
  const char *name;
  unsigned short port;
  bool is_tcp, is_udp;
  const char *alias;
} SERVICES[] = {
    {"echo", 7, 1, 1}, {"discard", 9, 1, 1, "sink"}, {"daytime", 13, 1, 1}, {"chargen", 19, 1, 1}, {"ftp-data", 20, 1, 0},
    {"ftp", 21, 1, 0}, {"ssh", 22, 1, 0}, {"telnet", 23, 1, 0}, {"smtp", 25, 1, 0, "mail"}, {"time", 37, 1, 1, "timserver"},
    {"whois", 43, 1, 0, "nicname"}, {"tacacs", 49, 1, 1}, {"domain", 53, 1, 1}, {"bootps", 67, 0, 1}, {"bootpc", 68, 0, 1},
    {"tftp", 69, 0, 1}, {"gopher", 70, 1, 0}, {"finger", 79, 1, 0}, {"http", 80, 1, 0, "www"}, {"kerberos", 88, 1, 1},
    {"pop3", 110, 1, 0, "pop-3"}, {"sunrpc", 111, 1, 1}, {"auth", 113, 1, 0}, {"nntp", 119, 1, 0}, {"ntp", 123, 0, 1},
    {"imap2", 143, 1, 0, "imap"}, {"snmp", 161, 1, 1}, {"snmp-trap", 162, 1, 1}, {"irc", 194, 1, 1}, {"ldap", 389, 1, 1},
    {"https", 443, 1, 1}, {"submissions", 465, 1, 0}, {"syslog", 514, 0, 1}, {"printer", 515, 1, 0}, {"submission", 587, 1, 0},
    {"ipp", 631, 1, 0}, {"ldaps", 636, 1, 1}, {"rsync", 873, 1, 0}, {"ftps", 990, 1, 0}, {"telnets", 992, 1, 0},
    {"imaps", 993, 1, 0}, {"pop3s", 995, 1, 0}, {"ms-sql-s", 1433, 1, 0}, {"nfs", 2049, 1, 1}, {"mysql", 3306, 1, 0},
    {"svn", 3690, 1, 0}, {"epmd", 4369, 1, 0}, {"sip", 5060, 1, 1}, {"xmpp-client", 5222, 1, 0}, {"postgresql", 5432, 1, 0},
    {"amqp", 5672, 1, 1}, {"redis", 6379, 1, 0}, {"http-alt", 8080, 1, 1, "webcache"}, {"git", 9418, 1, 0},
};

static struct servent *tell(size_t index, const char *protocol) {
  static struct servent found;
  bool is_tcp = protocol == NULL ? SERVICES[index].is_tcp : strcmp(protocol, "tcp") == 0;
  bool is_there = is_tcp ? SERVICES[index].is_tcp : SERVICES[index].is_udp && (protocol == NULL || strcmp(protocol, "udp") == 0);
  if (!is_there) return NULL;
  found = (struct servent){(char *)SERVICES[index].name, none, htons(SERVICES[index].port), is_tcp ? "tcp" : "udp"};
  return &found;
}

struct servent *getservbyname(const char *name, const char *protocol) {
  for (size_t index = 0; index < sizeof SERVICES / sizeof *SERVICES; index++)
    if (strcmp(SERVICES[index].name, name) == 0 || (SERVICES[index].alias != NULL && strcmp(SERVICES[index].alias, name) == 0))
      return tell(index, protocol);
  return NULL;
}

struct servent *getservbyport(int port, const char *protocol) {
  for (size_t index = 0; index < sizeof SERVICES / sizeof *SERVICES; index++)
    if (htons(SERVICES[index].port) == port) return tell(index, protocol);
  return NULL;
}
