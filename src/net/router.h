#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/role.h"
#include "net/http_message.h"

namespace tenure::net {

using Handler = std::function<void(const Request&, Response&)>;

/// Who may call a route.
using core::Role;

/// Which threads run a blocking route, and whether it may be turned away under load.
enum class Lane : std::uint8_t {
  kLive,       ///< somebody waits for the answer
  kBatch,      ///< large work: threads of its own, which yield to the others
  kEssential,  ///< health and metrics: as kLive, and never turned away to lower the load
};

/// One row of the route table: src/api/routes.cpp. Routes are data.
struct Route {
  Method method = Method::kGet;
  std::string_view
      path;  ///< "/v2/models/{model}/infer": {name} matches one segment, {name*} the rest
  Handler handler = {};
  Role role = Role::kAnyone;
  bool is_blocking = false;  ///< runs on a worker thread: may touch disk or SQL. Others must answer
                             ///< within microseconds.
  std::uint64_t body_max = 0;             ///< bytes; 0 = the server's limit
  std::string_view summary = {};          ///< one line, for /docs and `tenure routes`
  Lane lane = Lane::kLive;                ///< of a blocking route
  std::string_view blocking_header = {};  ///< with this header a request runs on a worker, too
  /// Asked with the head alone, before a body is read that is large, chunked or waited for with
  /// Expect; an error() in the response refuses it unread. On the event loop.
  Handler before_body = {};
  /// Not empty: the body goes there while it arrives, whatever its size (body_max is then not
  /// asked), and the handler, which is blocking, is called after its last byte.
  OpenBody open_body = {};
  /// Fills the answer to what went wrong with such a body; null: as any other error.
  void (*body_error)(Response&, const core::Error&) = nullptr;
};

/// Finds the route of a request. Immutable after construction; thread-safe. Literal segments win
/// over {name}.
class Router {
 public:
  explicit Router(std::vector<Route> routes);  ///< TENURE_ASSERTs that no two rows have the same
                                               ///< method and pattern
  Router(Router&&) = default;
  Router(const Router&) = delete;  // the tree points into routes_
  struct Match {
    const Route* route = nullptr;  ///< null: no such path (404) or not this method (405)
    bool is_path_known = false;
    std::string_view allow;  ///< for 405: "GET, POST"
  };
  /// Fills `parameters` (cleared first); no allocation when its capacity suffices.
  Match match(Method method, std::string_view path,
              std::vector<std::pair<std::string_view, std::string_view>>& parameters) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Node;
  std::vector<Route> routes_;
  std::shared_ptr<const Node> root_;
};

}  // namespace tenure::net
