// Splits a line of an edge list into fields and reads numbers. One line at a time, without allocation.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "factorize.hpp"

namespace graphrep {

struct EdgeListFormat {
    char delimiter = '\0';              // '\0': runs of spaces and tabs
    int columns = 2;                    // on every line
    int source = 0, target = 1;         // columns of the end points
    int weight = -1;                    // column of the weight; -1: none
    bool quotes = true;                 // a field may stand in double quotes, as in RFC 4180
    std::vector<std::string> comments;  // a line that begins with one of these is skipped
    int64_t num_nodes = -1;             // ids are integers in [0, num_nodes); -1: any names
    bool strings = false;               // names are strings even if all are integers
};

// A field of a line; in quotes, `doubled` means that two quotes in it stand for one.
struct Field : Name {
    bool doubled = false;
};

enum class EdgeListFault {
    none,
    columns,         // wrong number of columns
    quote_open,      // a quoted field does not end
    quote_tail,      // there is text between a quoted field and the next delimiter
    empty_field,     // a name or weight is missing
    integer_needed,  // num_nodes is given, but a name is not an integer
    integer_range,   // an integer outside int64
    id_outside,      // an id outside [0, num_nodes)
    nul_byte,        // a name holds a NUL byte
    weight_text,     // a weight that is not a number
    weight_comma,    // a weight such as 1,234, which may mean 1.234 or 1234
    weight_value,    // a weight that is NaN, infinite as float32, or negative
};

inline bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Read the whole field as [-]digits, which ".0" may follow.
enum class IntegerText { ok, overflow, no };
inline IntegerText parse_integer(const Name& field, int64_t& value) {
    const char* end = field.data + field.size;
    const auto [stop, error] = std::from_chars(field.data, end, value);
    if (stop != end) {
        if (stop == field.data || *stop != '.' || end - stop < 2) return IntegerText::no;
        if (!std::all_of(stop + 1, end, [](char c) { return c == '0'; })) return IntegerText::no;
    }
    if (error == std::errc::result_out_of_range) return IntegerText::overflow;
    return error == std::errc() ? IntegerText::ok : IntegerText::no;
}

// Whether an integer at `at` begins with a zero and has another digit; reads up to 2 bytes.
inline bool is_padded(const char* at) { return *at == '0' && static_cast<unsigned>(at[1] - '0') <= 9; }

// Read the whole field as a decimal number; values outside the range of double become infinite or zero.
inline bool parse_number(const Name& field, double& value) {
    const char* begin = field.data;
    const char* end = begin + field.size;
    if (field.size > 1 && *begin == '+' && begin[1] != '-') ++begin;
    auto [stop, error] = std::from_chars(begin, end, value);
    if (error == std::errc::result_out_of_range) {
        long double extended = 0;
        const bool small = std::from_chars(begin, end, extended).ec == std::errc() && std::fabs(extended) < 1;
        value = small ? 0 : HUGE_VAL;
        error = std::errc();
    }
    return error == std::errc() && stop == end;
}

// Whether value is a weight: finite as float32 and not negative.
inline bool is_weight(double value) { return value >= 0 && std::isfinite(static_cast<float>(value)); }

// Read a weight, whose decimal point may be a comma.
inline EdgeListFault parse_weight(const Name& field, char delimiter, double& value) {
    if (!parse_number(field, value)) {
        constexpr int64_t kLength = 64;
        char copy[kLength];
        const void* found = std::memchr(field.data, ',', static_cast<size_t>(field.size));
        if (!found || field.size >= kLength) return EdgeListFault::weight_text;
        const int64_t comma = static_cast<const char*>(found) - field.data;
        std::copy_n(field.data, field.size, copy);
        copy[comma] = '.';
        if (!parse_number({copy, field.size}, value)) return EdgeListFault::weight_text;
        const int64_t sign = copy[0] == '+' || copy[0] == '-';
        const bool thousands =
            comma > sign && comma <= sign + 3 && copy[sign] != '0' && field.size == comma + 4 &&
            std::all_of(copy + comma + 1, copy + field.size, [](char c) { return c >= '0' && c <= '9'; });
        if (thousands && delimiter != ';') return EdgeListFault::weight_comma;
    }
    return is_weight(value) ? EdgeListFault::none : EdgeListFault::weight_value;
}

// Read digits at `at`, eight at a time; false if there are none or too many for int64. Reads up to 20 bytes.
inline bool scan_digits(const char*& at, int64_t& value) {
    uint64_t number = 0;
    int length = 8;
    if constexpr (std::endian::native == std::endian::little) {
        uint64_t text;
        std::memcpy(&text, at, 8);
        text ^= 0x3030303030303030ULL;  // digits become 0…9
        const uint64_t others = ((text + 0x7676767676767676ULL) | text) & 0x8080808080808080ULL;
        if (others) length = std::countr_zero(others) >> 3;
        if (length == 0) return false;
        text <<= 64 - 8 * length;  // leading zeros in front
        text = (text * 10 + (text >> 8)) & 0x00ff00ff00ff00ffULL;
        text = (text * 100 + (text >> 16)) & 0x0000ffff0000ffffULL;
        number = (text * 10000 + (text >> 32)) & 0xffffffffULL;
    } else {
        for (length = 0; length < 8 && static_cast<unsigned>(at[length] - '0') <= 9; ++length)
            number = number * 10 + static_cast<uint64_t>(at[length] - '0');
        if (length == 0) return false;
    }
    at += length;
    if (length == 8)
        for (unsigned digit; (digit = static_cast<unsigned>(*at - '0')) <= 9; ++at) {
            if (++length > 19) return false;
            number = number * 10 + digit;
        }
    if (number > static_cast<uint64_t>(INT64_MAX)) return false;
    value = static_cast<int64_t>(number);
    return true;
}

class LineScanner {
   public:
    explicit LineScanner(const EdgeListFormat& format)
        : format_(format),
          first_(std::min(format.source, format.target)),
          plain_(std::abs(format.source - format.target) == 1 && (format.weight < 0 || format.weight == first_ + 2)),
          bare_(plain_ && format.source == 0 && format.columns == (format.weight < 0 ? 2 : 3)) {}

    // Whether there are only source, target and weight, in this order.
    bool bare() const { return bare_; }

    // Whether [begin, end) is blank or a comment.
    bool skips(const char* begin, const char* end) const {
        while (begin < end && (is_blank(*begin) || *begin == '\r')) ++begin;
        if (begin == end) return true;
        for (const std::string& mark : format_.comments)
            if (static_cast<size_t>(end - begin) >= mark.size() && std::memcmp(begin, mark.data(), mark.size()) == 0)
                return true;
        return false;
    }

    // Split a line without quotes and line feed; returns the number of columns. fields: source, target, weight.
    int split(const char* begin, const char* end, Field* fields) const {
        if (end > begin && end[-1] == '\r') --end;
        int count = 0;
        if (format_.delimiter == '\0') {
            for (;;) {
                while (begin < end && is_blank(*begin)) ++begin;
                if (begin == end) return count;
                const char* stop = begin;
                while (stop < end && !is_blank(*stop)) ++stop;
                keep(fields, count++, {{begin, stop - begin}});
                begin = stop;
            }
        }
        for (;;) {
            const void* found = std::memchr(begin, format_.delimiter, static_cast<size_t>(end - begin));
            const char* stop = found ? static_cast<const char*>(found) : end;
            keep(fields, count++, {trimmed(begin, stop)});
            if (!found) return count;
            begin = stop + 1;
        }
    }

    // Split a line that may have quoted fields, and line feeds inside them; `stop` becomes its end, `fault` and `place`
    // say what is wrong. `inside`: a quoted field has begun before `begin`.
    int split_quoted(const char* begin, const char* limit, Field* fields, const char*& stop, EdgeListFault& fault,
                     const char*& place, bool inside = false) const {
        const char* p = begin;
        const auto line_ends = [&] {
            return p == limit || *p == '\n' || (*p == '\r' && (p + 1 == limit || p[1] == '\n'));
        };
        const auto skip_blanks = [&] {
            while (p < limit && is_blank(*p) && *p != format_.delimiter) ++p;
        };
        for (int count = 0;; ++count) {
            Field field{};
            if (!inside) skip_blanks();
            if (format_.delimiter == '\0' && line_ends() && !inside) return end_line(p, limit, stop, count);
            if (inside || (p < limit && *p == '"')) {
                place = p;
                const char* start = inside ? p : p + 1;
                inside = false;
                for (p = start;; p += 2) {
                    const void* quote = p < limit ? std::memchr(p, '"', static_cast<size_t>(limit - p)) : nullptr;
                    if (!quote) return fault = EdgeListFault::quote_open, stop = limit, count;
                    p = static_cast<const char*>(quote);
                    if (limit - p < 2 || p[1] != '"') break;
                    field.doubled = true;
                }
                field.data = start, field.size = p++ - start;
                const bool blank = p < limit && is_blank(*p);
                skip_blanks();
                if (!line_ends() && (format_.delimiter == '\0' ? !blank : *p != format_.delimiter)) {
                    const void* feed = std::memchr(p, '\n', static_cast<size_t>(limit - p));
                    return fault = EdgeListFault::quote_tail, stop = feed ? static_cast<const char*>(feed) : limit,
                           count;
                }
            } else {
                const char* start = p;
                while (!line_ends() && !is_delimiter(*p)) ++p;
                static_cast<Name&>(field) = trimmed(start, p);
            }
            keep(fields, count, field);
            if (line_ends()) return end_line(p, limit, stop, count + 1);
            if (format_.delimiter != '\0') ++p;
        }
    }

    // Read the most common kind of line without splitting: unsigned integers in neighboring columns and an optional
    // weight after them, with single delimiters. Needs 64 readable bytes; moves `at` past the line feed on success,
    // else changes nothing. `padded` becomes the first integer with leading zeros, unless it is known.
    template <bool bare>
    bool scan_plain(const char*& at, const char* text_end, int64_t& source, int64_t& target, double& weight,
                    const char*& padded) const {
        const char* p = at;
        int64_t u, v;
        if (!bare) {
            if (!plain_) return false;
            for (int column = 0; column < first_; ++column, ++p)
                if (!skip_column(p, text_end) || *p == '\n') return false;
            if (text_end - p < 64) return false;  // digits are read eight at a time
        }
        const char* const first = p;
        if (!scan_digits(p, u) || !is_delimiter(*p)) return false;
        const char* const second = ++p;
        if (!scan_digits(p, v)) return false;
        int column = first_ + 2;
        if (format_.weight >= 0) {
            if (!is_delimiter(*p)) return false;
            const auto [stop, error] = std::from_chars(p + 1, text_end, weight);
            if (error != std::errc() || !is_weight(weight) || text_end - stop < 2) return false;
            p = stop;
            ++column;
        }
        for (; !bare && column < format_.columns; ++column)
            if (!is_delimiter(*p++) || !skip_column(p, text_end)) return false;
        if (*p == '\r') ++p;
        if (*p != '\n') return false;
        if (format_.num_nodes >= 0 && (u >= format_.num_nodes || v >= format_.num_nodes)) return false;
        at = p + 1;
        if (((*first == '0') | (*second == '0')) && !padded)
            padded = is_padded(first) ? first : is_padded(second) ? second : nullptr;
        source = u;
        target = v;
        if (!bare && format_.source != first_) std::swap(source, target);
        return true;
    }

   private:
    bool is_delimiter(char c) const { return format_.delimiter == '\0' ? is_blank(c) : c == format_.delimiter; }
    void keep(Field* fields, int column, const Field& field) const {
        if (column == format_.source) fields[0] = field;
        if (column == format_.target) fields[1] = field;
        if (column == format_.weight) fields[2] = field;
    }
    static int end_line(const char* p, const char* limit, const char*& stop, int columns) {
        stop = p < limit && *p == '\r' ? p + 1 : p;
        return columns;
    }
    // Move p to the delimiter or line feed after a column; false if it is better split.
    bool skip_column(const char*& p, const char* text_end) const {
        const char* begin = p;
        while (p < text_end && *p != '\n' && !is_delimiter(*p))
            if (*p++ == '"') return false;
        return p < text_end && (format_.delimiter != '\0' || (p > begin && *begin != '\r'));
    }
    // Remove blanks around a field.
    Name trimmed(const char* begin, const char* end) const {
        while (begin < end && is_blank(*begin)) ++begin;
        while (end > begin && is_blank(end[-1])) --end;
        return {begin, end - begin};
    }

    const EdgeListFormat& format_;
    const int first_;   // column of the first end point
    const bool plain_;  // scan_plain knows this arrangement of columns
    const bool bare_;
};

}  // namespace graphrep
