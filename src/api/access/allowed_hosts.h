#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/router.h"

namespace tenure::api {

/// The names under which browsers may reach the server. Against DNS rebinding: a page of
/// evil.example that has its own name point to this machine shares an origin with what is served
/// here, and is told apart by the Host header alone.
class AllowedHosts {
 public:
  /// `names`: "ml.example", with any port; "ml.example:8443"; "*.example", any number of labels;
  /// "*", everything. Beside them every name is allowed that is not to be had in public DNS:
  /// addresses, names without a dot (this machine, containers, services) and those below
  /// .localhost, .local, .internal, .test, .home.arpa, .svc and .cluster.local.
  explicit AllowedHosts(std::vector<std::string> names);

  /// `host`: the Host header, "" when there is none, which no browser leaves out.
  bool allows(std::string_view host) const;
  bool allows_all() const { return allows_all_; }

 private:
  std::vector<std::string> names_;
  bool allows_all_;
};

/// Refuses requests under other names with 403 wherever a route needs a role or belongs to MLflow's
/// tracking server, whether or not tokens are asked for. Probes are for everyone.
void refuse_foreign_hosts(const AllowedHosts& hosts, std::vector<net::Route>& routes);

}  // namespace tenure::api
