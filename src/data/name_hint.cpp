#include "data/name_hint.h"

#include <algorithm>
#include <array>

#include "data/column_name.h"

namespace tenure::data {
namespace {

constexpr std::array<std::string_view, 20> kWho = {
    "customer",   "cust",     "client",  "account", "acct",      "user",         "member",
    "subscriber", "policy",   "person",  "party",   "household", "subscription", "contract",
    "msisdn",     "employee", "patient", "student", "borrower",  "company"};
constexpr std::array<std::string_view, 7> kKey = {"id",    "ids",        "uuid", "guid",
                                                  "guids", "identifier", "key"};
constexpr std::array<std::string_view, 7> kNumber = {"number", "num",  "no", "nr",
                                                     "nbr",    "code", "ref"};
constexpr std::array<std::string_view, 8> kContact = {"phone", "telephone", "email", "mail",
                                                      "imei",  "iban",      "ssn",   "passport"};
constexpr std::array<std::string_view, 6> kPostal = {"zip",    "zipcode", "postcode",
                                                     "postal", "plz",     "imsi"};
constexpr std::array<std::string_view, 16> kOutcome = {
    "churn",  "cancel",   "reason",    "status",  "score",   "retention",  "exit",    "cltv",
    "attrit", "terminat", "deactivat", "winback", "outcome", "unsubscrib", "closure", "lapse"};
constexpr std::array<std::string_view, 24> kTime = {
    "date",    "datetime", "dt",         "time",    "timestamp", "ts",    "epoch",    "unix",
    "created", "updated",  "modified",   "joined",  "signup",    "since", "login",    "seen",
    "expiry",  "expires",  "registered", "started", "ended",     "birth", "birthday", "dob"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

template <std::size_t N>
bool has_one_of(const std::vector<std::string>& words,
                const std::array<std::string_view, N>& wanted) {
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return is_one_of(word, wanted); });
}

/// "customerid", "CLIENTNUM": a holder and a kind of key written as one word.
bool is_joined_key(std::string_view word) {
  return std::any_of(kWho.begin(), kWho.end(), [&](std::string_view who) {
    if (!word.starts_with(who)) return false;
    const std::string_view rest = word.substr(who.size());
    return is_one_of(rest, kKey) || is_one_of(rest, kNumber);
  });
}

}  // namespace

std::vector<std::string> name_words(std::string_view name) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool is_letter = is_small(c) || is_capital(c) || static_cast<unsigned char>(c) >= 0x80;
    if (!is_letter && !is_digit(c)) {
      words.emplace_back();
      continue;
    }
    // A word begins at a capital after a small letter ("rowNumber") and at the last capital of a
    // run before a small one ("IDNumber").
    const bool is_start = is_capital(c) && i > 0 &&
                          (is_small(name[i - 1]) || (is_capital(name[i - 1]) &&
                                                     i + 1 < name.size() && is_small(name[i + 1])));
    if (is_start) words.emplace_back();
    words.back() += lower_case(std::string_view(&c, 1));
  }
  words.erase(std::remove(words.begin(), words.end(), std::string()), words.end());
  return words;
}

int id_rank(std::string_view name) {
  const auto words = name_words(name);
  const bool has_who = has_one_of(words, kWho);
  const bool has_key = has_one_of(words, kKey);
  const bool is_joined = std::any_of(words.begin(), words.end(),
                                     [](const std::string& word) { return is_joined_key(word); });
  if (is_joined || (has_who && (has_key || has_one_of(words, kNumber)))) return 3;
  if (has_key || has_who) return 2;
  if (has_one_of(words, kNumber) || has_one_of(words, kContact)) return 1;
  return lower_case(name).ends_with("number") ? 1 : 0;
}

bool is_outcome_name(std::string_view name) {
  const std::string low = lower_case(name);
  return std::any_of(kOutcome.begin(), kOutcome.end(),
                     [&](std::string_view word) { return low.find(word) != std::string::npos; });
}

bool is_time_name(std::string_view name) {
  const auto words = name_words(name);
  if (words.empty()) return false;
  return has_one_of(words, kTime) || (words.size() > 1 && words.back() == "at");
}

bool is_code_name(std::string_view name) {
  const auto words = name_words(name);
  return has_one_of(words, kContact) || has_one_of(words, kPostal) || has_one_of(words, kKey) ||
         std::any_of(words.begin(), words.end(),
                     [](const std::string& word) { return is_joined_key(word); });
}

}  // namespace tenure::data
