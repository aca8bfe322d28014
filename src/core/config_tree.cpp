#include "core/config_tree.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/ascii_case.h"

namespace tenure::core {
namespace {

void add_key(KeyNode& root, const ConfigKey& key) {
  KeyNode* node = &root;
  std::string_view rest = key.path;
  for (;;) {
    const auto dot = rest.find('.');
    const std::string_view name = rest.substr(0, dot);
    auto found = std::find_if(node->children.begin(), node->children.end(),
                              [&](const KeyNode& child) { return child.name == name; });
    if (found == node->children.end())
      found = node->children.insert(found, KeyNode{.name = name, .key = nullptr, .children = {}});
    node = &*found;
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  node->key = &key;
}

}  // namespace

const KeyNode* KeyNode::find(std::string_view child) const {
  const KeyNode* any = nullptr;
  for (const KeyNode& node : children) {
    if (node.name == "*") {
      any = &node;
    } else if (node.name == child) {
      return &node;
    }
  }
  return any;
}

const KeyNode* KeyNode::find_ignoring_case(std::string_view child) const {
  for (const KeyNode& node : children)
    if (node.name != "*" && equals_ignoring_case(node.name, child)) return &node;
  return find(child);
}

bool KeyNode::has_user_names() const {
  return std::any_of(children.begin(), children.end(),
                     [](const KeyNode& node) { return node.name == "*"; });
}

KeyNode make_key_tree() {
  KeyNode root;
  for (const ConfigKey& key : config_keys()) add_key(root, key);
  return root;
}

const ConfigNode* ConfigNode::find(std::string_view child) const {
  for (const ConfigNode& node : children)
    if (node.name == child) return &node;
  return nullptr;
}

ConfigNode& ConfigNode::find_or_add(std::string_view child, std::string_view origin) {
  for (ConfigNode& node : children)
    if (node.name == child) return node;
  return children.emplace_back(ConfigNode{std::string(child), std::string(origin), {}, {}});
}

std::string joined_path(const std::vector<std::string>& segments) {
  std::string path;
  for (const std::string& segment : segments) {
    if (!path.empty()) path += '.';
    const bool needs_quotes =
        segment.empty() || segment.find_first_of(". '\"\t=") != std::string::npos;
    if (!needs_quotes) {
      path += segment;
      continue;
    }
    path += '\'';
    for (const char c : segment) {
      if (c == '\'') path += '\'';
      path += c;
    }
    path += '\'';
  }
  return path;
}

Result<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> segments;
  for (std::size_t at = 0;;) {
    std::string segment;
    if (at < path.size() && (path[at] == '\'' || path[at] == '"')) {
      const char quote = path[at++];
      for (;; ++at) {
        if (at >= path.size())
          return Error{ErrorCode::kInvalidArgument,
                       fmt::format("a quote in {} does not end", path)};
        if (path[at] == quote) {
          if (at + 1 >= path.size() || path[at + 1] != quote) break;
          ++at;
        }
        segment += path[at];
      }
      ++at;
    } else {
      const auto dot = std::min(path.find('.', at), path.size());
      segment = std::string(path.substr(at, dot - at));
      at = dot;
      if (segment.empty())
        return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' has an empty part", path)};
    }
    segments.push_back(std::move(segment));
    if (at == path.size()) return segments;
    if (path[at] != '.')
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("a dot is missing after a quoted part of {}", path)};
    ++at;
  }
}

}  // namespace tenure::core
