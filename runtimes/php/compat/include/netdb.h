#ifndef WASM_FPM_NETDB_H
#define WASM_FPM_NETDB_H
#include <netinet/in.h>
#include <sys/socket.h>
struct hostent {
  char *h_name;
  char **h_aliases;
  int h_addrtype;
  int h_length;
  char **h_addr_list;
};
#define h_addr h_addr_list[0]
struct servent {
  char *s_name;
  char **s_aliases;
  int s_port;
  char *s_proto;
};
struct protoent {
  char *p_name;
  char **p_aliases;
  int p_proto;
};
#define HOST_NOT_FOUND 1
extern int h_errno;
struct hostent *gethostbyname(const char *), *gethostbyaddr(const void *, socklen_t, int);
struct servent *getservbyname(const char *, const char *), *getservbyport(int, const char *);
struct protoent *getprotobyname(const char *), *getprotobynumber(int);
#endif
