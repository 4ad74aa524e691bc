// JSON as far as frames need it: text is UTF-8 as it stands, and the only escapes are \" and \\.
#pragma once

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

struct Json {
    using List = std::vector<Json>;
    using Object = std::map<std::string, Json>;
    std::variant<std::nullptr_t, bool, double, std::string, List, Object> value = nullptr;

    template <class Kind>
    const Kind& as() const {
        if (const Kind* found = std::get_if<Kind>(&value)) return *found;
        throw std::runtime_error("a value in the header is of another kind than expected");
    }

    bool has(const std::string& name) const { return as<Object>().count(name) > 0; }

    const Json& operator[](const std::string& name) const {
        if (!has(name)) throw std::runtime_error("the header has no '" + name + "'");
        return as<Object>().at(name);
    }

    std::size_t number() const { return static_cast<std::size_t>(as<double>()); }
    const std::string& text() const { return as<std::string>(); }
};

class JsonReader {
public:
    explicit JsonReader(const std::string& text) : at(text.c_str()) {}

    Json read() {
        skip_space();
        switch (*at) {
            case '{': return {object()};
            case '[': return {list()};
            case '"': return {string()};
            case 't': return word("true"), Json{true};
            case 'f': return word("false"), Json{false};
            case 'n': return word("null"), Json{nullptr};
            default: return {number()};
        }
    }

private:
    const char* at;

    void skip_space() {
        while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') ++at;
    }

    bool take(char wanted) {
        skip_space();
        if (*at != wanted) return false;
        ++at;
        return true;
    }

    void need(char wanted) {
        if (!take(wanted)) throw std::runtime_error(std::string("the header has no ") + wanted + " where JSON has one");
    }

    void word(const char* expected) {
        while (*expected) need(*expected++);
    }

    double number() {
        char* end;
        double found = std::strtod(at, &end);
        if (end == at) throw std::runtime_error("the header is not JSON");
        at = end;
        return found;
    }

    std::string string() {
        std::string found;
        for (need('"'); *at && *at != '"'; ++at) {
            if (*at == '\\' && *++at != '"' && *at != '\\') throw std::runtime_error("an escape in the header is unknown");
            found += *at;
        }
        need('"');
        return found;
    }

    Json::List list() {
        Json::List found;
        need('[');
        if (take(']')) return found;
        do found.push_back(read());
        while (take(','));
        need(']');
        return found;
    }

    Json::Object object() {
        Json::Object found;
        need('{');
        if (take('}')) return found;
        do {
            skip_space();
            std::string name = string();
            need(':');
            found[name] = read();
        } while (take(','));
        need('}');
        return found;
    }
};

inline std::string quoted(const std::string& text) {
    std::string found = "\"";
    for (char letter : text) {
        if (letter == '"' || letter == '\\') found += '\\';
        found += letter == '\n' ? ' ' : letter;
    }
    return found + '"';
}
