#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/random.h"

namespace tenure::data {

enum class TelcoInternet : std::uint8_t { kDsl, kFibre, kNone };
enum class TelcoContract : std::uint8_t { kMonth, kOneYear, kTwoYear, kFlex };
enum class TelcoPayment : std::uint8_t {
  kBankTransfer,
  kCreditCard,
  kElectronicCheck,
  kMailedCheck
};

/// The six extras of an internet customer, in the order of the file's columns.
enum TelcoAddon : std::uint8_t { kSecurity, kBackup, kProtection, kSupport, kTv, kMovies };
inline constexpr std::size_t kTelcoAddonCount = 6;

/// One synthetic customer, with the relations of the public Telco data set. Money is in cents, in
/// steps of five.
struct TelcoCustomer {
  std::string id;  ///< four digits, a dash, five capital letters
  bool is_male = false;
  bool is_senior = false;
  bool has_partner = false;
  bool has_dependents = false;
  bool has_phone = true;
  bool has_lines = false;  ///< a second telephone line
  bool is_paperless = false;
  bool has_renamed_payment = false;  ///< the payment method is reported under another word
  std::array<bool, kTelcoAddonCount> addons{};
  TelcoInternet internet = TelcoInternet::kDsl;
  TelcoContract contract = TelcoContract::kMonth;
  TelcoPayment payment = TelcoPayment::kBankTransfer;
  int tenure = 1;                   ///< months
  std::int64_t discount_cents = 0;  ///< monthly charges less the price list
  std::int64_t monthly_cents = 0;
  std::int64_t total_cents = 0;  ///< all invoices so far
  bool is_churned = false;
};

/// Draws one customer as if met on a random day. All but id and is_churned is filled; tenure is 1
/// to 72.
TelcoCustomer draw_telco_customer(core::Random& random);

/// Draws one customer who signs up now: tenure 1, one invoice.
TelcoCustomer draw_telco_signup(core::Random& random);

/// Monthly price by the list: what the customer's services cost without discount.
std::int64_t telco_list_price_cents(const TelcoCustomer& customer);

/// Rounds an amount to five cents.
std::int64_t telco_round_cents(double amount);

/// Log-odds of churn, as fitted to the public data set: 19 terms and an intercept.
double telco_churn_logit(const TelcoCustomer& customer);

double logistic(double log_odds);

inline constexpr std::uint64_t kTelcoIdCount = 10'000ULL * 26 * 26 * 26 * 26 * 26;

/// Customer ids that look random and never repeat before kTelcoIdCount of them were given.
class TelcoIds {
 public:
  explicit TelcoIds(std::uint64_t seed);
  std::string next();

 private:
  std::uint64_t next_;
  std::uint64_t step_;
};

}  // namespace tenure::data
