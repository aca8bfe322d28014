#pragma once

#include <utility>

#include "net/router.h"

namespace tenure::api {

/// Has `refuses` asked before the handler of a route, and before a body is read for it. It takes
/// the request and the response, and is true when it has answered.
template <typename Refuses>
void ask_first(const Refuses& refuses, net::Route& route) {
  const auto asked_first = [&refuses](net::Handler inner) -> net::Handler {
    return
        [refuses, inner = std::move(inner)](const net::Request& request, net::Response& response) {
          if (!refuses(request, response) && inner) inner(request, response);
        };
  };
  route.handler = asked_first(std::move(route.handler));
  route.before_body = asked_first(std::move(route.before_body));
}

}  // namespace tenure::api
