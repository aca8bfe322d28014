#include "net/router.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/assert.h"

namespace tenure::net {
namespace {

constexpr std::size_t kMethods = static_cast<std::size_t>(Method::kOther) + 1;

/// Cuts the first segment off "/a/b": returns "a", leaves "/b".
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

using Parameters = std::vector<std::pair<std::string_view, std::string_view>>;

}  // namespace

/// One segment of the tree of patterns. `all_literal`, at the root only, finds whole paths without
/// parameters by one hash look-up: the hot paths.
struct Router::Node {
  std::vector<std::pair<std::string_view, std::unique_ptr<Node>>> literals;
  std::unique_ptr<Node> parameter;  ///< {name}
  std::unique_ptr<Node> rest;       ///< {name*}
  std::array<const Route*, kMethods> routes{};
  std::array<std::vector<std::string_view>, kMethods> names;  ///< of the route's parameters
  std::string allow;
  std::unordered_map<std::string_view, const Node*> all_literal;

  Node& literal(std::string_view segment) {
    for (auto& child : literals) {
      if (child.first == segment) return *child.second;
    }
    literals.emplace_back(segment, std::make_unique<Node>());
    return *literals.back().second;
  }

  void allow_method(Method method) {
    const auto add = [&](std::string_view name) {
      if (!allow.empty()) allow += ", ";
      allow += name;
    };
    add(method_name(method));
    if (method == Method::kGet && !routes[static_cast<std::size_t>(Method::kHead)]) add("HEAD");
  }

  /// The method whose row answers: HEAD is answered by GET's row when it has none of its own.
  std::size_t slot(Method method) const {
    const auto index = static_cast<std::size_t>(method);
    if (method == Method::kHead && !routes[index]) return static_cast<std::size_t>(Method::kGet);
    return index;
  }

  void add(const Route& route) {
    Node* node = this;
    std::vector<std::string_view> route_names;
    std::string_view path = route.path;
    TENURE_ASSERT(!path.empty() && path.front() == '/');
    while (!path.empty()) {
      const std::string_view segment = take_segment(path);
      if (!is_parameter(segment)) {
        node = &node->literal(segment);
        continue;
      }
      const bool is_rest = segment[segment.size() - 2] == '*';
      TENURE_ASSERT(!is_rest || path.empty());
      route_names.push_back(segment.substr(1, segment.size() - (is_rest ? 3 : 2)));
      std::unique_ptr<Node>& child = is_rest ? node->rest : node->parameter;
      if (!child) child = std::make_unique<Node>();
      node = child.get();
    }
    const auto index = static_cast<std::size_t>(route.method);
    TENURE_ASSERT(node->routes[index] == nullptr);
    node->allow_method(route.method);
    node->routes[index] = &route;
    if (route_names.empty()) all_literal[route.path] = node;
    node->names[index] = std::move(route_names);
  }

  /// Fills `match` and the values in `parameters`; true when a route answers.
  bool answer(Method method, Match& match, Parameters& parameters) const {
    if (allow.empty()) return false;
    if (!match.is_path_known) match.allow = allow;
    match.is_path_known = true;
    const std::size_t index = slot(method);
    if (!routes[index]) return false;
    match.route = routes[index];
    match.allow = allow;
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].first = names[index][i];
    return true;
  }

  bool find(Method method, std::string_view path, Match& match, Parameters& parameters) const {
    if (path.empty()) return answer(method, match, parameters);
    std::string_view tail = path;
    const std::string_view segment = take_segment(tail);
    for (const auto& child : literals) {
      if (child.first == segment && child.second->find(method, tail, match, parameters))
        return true;
    }
    const auto try_child = [&](const Node& child, std::string_view value, std::string_view after) {
      parameters.emplace_back(std::string_view(), value);
      if (child.find(method, after, match, parameters)) return true;
      parameters.pop_back();
      return false;
    };
    if (parameter && !segment.empty() && try_child(*parameter, segment, tail)) return true;
    return rest && path.size() > 1 && try_child(*rest, path.substr(1), {});
  }
};

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  auto root = std::make_shared<Node>();
  for (const Route& route : routes_) root->add(route);
  root_ = std::move(root);
}

Router::Match Router::match(Method method, std::string_view path, Parameters& parameters) const {
  parameters.clear();
  Match match;
  if (path.empty() || path.front() != '/') return match;
  const auto literal = root_->all_literal.find(path);
  if (literal != root_->all_literal.end() && literal->second->answer(method, match, parameters)) {
    return match;
  }
  root_->find(method, path, match, parameters);
  return match;
}

}  // namespace tenure::net
