#include "net/http_message.h"

#include <algorithm>

#include "core/ascii_case.h"
#include "core/utf8.h"

namespace tenure::net {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_escape(std::string& out, unsigned char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 0xF];
  }
}

}  // namespace

std::string_view method_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  return "OTHER";
}

Method method_of(std::string_view name) {
  for (const Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                              Method::kPatch, Method::kDelete, Method::kOptions}) {
    if (method_name(method) == name) return method;
  }
  return Method::kOther;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

bool is_header_value_safe(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

bool is_header_name(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (core::ascii_lower(c) >= 'a' && core::ascii_lower(c) <= 'z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_request_id(std::string_view text) {
  constexpr std::size_t kRequestIdMax = 128;
  return !text.empty() && text.size() <= kRequestIdMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain_from = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    const std::size_t length = core::utf8_length(text.substr(i));
    if (length > 1) {
      i += length;
      continue;
    }
    out.append(text, plain_from, i - plain_from);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else {
      append_escape(out, c);
    }
    plain_from = ++i;
  }
  out.append(text, plain_from, text.size() - plain_from);
  out += '"';
}

std::string_view Request::header(std::string_view name) const {
  for (const Header& header : headers) {
    if (core::equals_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

std::string_view Request::path_parameter(std::string_view name) const {
  for (const auto& parameter : path_parameters) {
    if (parameter.first == name) return parameter.second;
  }
  return {};
}

std::optional<std::string> Request::query_parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto key = percent_decode(pair.substr(0, equals), true);
    if (!key || *key != name) continue;
    return percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
  }
  return std::nullopt;
}

void Response::clear() {
  status = 200;
  content_type = "application/json";
  body.clear();
  source.reset();
  error_detail.clear();
  constexpr std::size_t kSpareMax = 16;
  for (auto& header : headers) {
    if (spare_headers.size() < kSpareMax) spare_headers.push_back(std::move(header));
  }
  headers.clear();
  hold = nullptr;
  rest = nullptr;
}

void Response::add_header(std::string_view name, std::string_view value) {
  if (spare_headers.empty()) {
    headers.emplace_back(name, value);
    return;
  }
  headers.push_back(std::move(spare_headers.back()));
  spare_headers.pop_back();
  headers.back().first.assign(name);
  headers.back().second.assign(value);
}

void Response::text(int with_status, std::string_view plain) {
  status = with_status;
  content_type = "text/plain; charset=utf-8";
  error_detail.clear();
  source.reset();
  body.assign(plain);
}

void Response::error(int with_status, std::string_view detail) {
  status = with_status;
  content_type = "application/json";
  error_detail.assign(detail);
  source.reset();
  body.assign("{\"detail\":");
  append_json_string(body, detail);
  body += '}';
}

}  // namespace tenure::net
