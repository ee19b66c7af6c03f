"""Why a request got what it got: the rule, who got more, what bound it, what would change it, what comes next."""
