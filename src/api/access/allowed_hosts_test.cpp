#include "api/access/allowed_hosts.h"

#include <gtest/gtest.h>

namespace tenure::api {
namespace {

TEST(AllowedHosts, AreAddressesAndNamesThatNobodyCanHaveInPublicDns) {
  const AllowedHosts hosts({});
  for (const char* host :
       {"", "localhost", "localhost:8000", "LOCALHOST", "a.localhost", "127.0.0.1:5000", "10.1.2.3",
        "8.8.8.8:80", "[::1]", "[fd00::1]:8000", "tenure", "mlflow:5000", "ml.local", "ml.internal",
        "tenure.ns.svc", "tenure.ns.svc.cluster.local:8000", "nas.home.arpa", "ml.local."})
    EXPECT_TRUE(hosts.allows(host)) << host;
  for (const char* host :
       {"evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example",
        "evil.example.", "evil.notlocal", "local.evil.com:80", "1.2.3.4.com"})
    EXPECT_FALSE(hosts.allows(host)) << host;
}

TEST(AllowedHosts, AreThoseOfTheConfigurationToo) {
  const AllowedHosts hosts({"ml.example", "other.example:8443", "*.corp.example"});
  for (const char* host :
       {"ml.example", "ML.example:443", "other.example:8443", "a.b.corp.example:1", "tenure"})
    EXPECT_TRUE(hosts.allows(host)) << host;
  for (const char* host : {"other.example:80", "other.example", "corp.example", "evilcorp.example",
                           "ml.example.evil.com"})
    EXPECT_FALSE(hosts.allows(host)) << host;
  EXPECT_TRUE(AllowedHosts({"*"}).allows("evil.example"));
}

int asked(net::Role role, std::string_view path, std::string_view host,
          const std::vector<std::string>& names = {}) {
  std::vector<net::Route> routes = {
      {.method = net::Method::kGet,
       .path = path,
       .handler = [](const net::Request&, net::Response& out) { out.status = 200; },
       .role = role}};
  refuse_foreign_hosts(AllowedHosts(names), routes);
  const net::Request::Header headers[] = {{"host", host}};
  net::Request request;
  request.headers = headers;
  net::Response response;
  routes.front().handler(request, response);
  if (routes.front().before_body) {
    net::Response ahead;
    routes.front().before_body(request, ahead);
    EXPECT_EQ(ahead.status == 403, response.status == 403);
  }
  return response.status;
}

TEST(AllowedHosts, AreAskedWhereverARoleIsNeededOrRunsAreTracked) {
  EXPECT_EQ(asked(net::Role::kViewer, "/predict", "evil.example"), 403);
  EXPECT_EQ(asked(net::Role::kAnyone, "/api/2.0/mlflow/x", "evil.example"), 403);
  EXPECT_EQ(asked(net::Role::kViewer, "/predict", "tenure:8000"), 200);
  EXPECT_EQ(asked(net::Role::kViewer, "/predict", "evil.example", {"*"}), 200);
  EXPECT_EQ(asked(net::Role::kAnyone, "/health", "evil.example"), 200) << "for probes";
}

}  // namespace
}  // namespace tenure::api
