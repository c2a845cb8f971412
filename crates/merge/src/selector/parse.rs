//! From the text of a label selector to its requirements.

use std::str::FromStr;

use crate::selector::Error;
use crate::selector::check_length;
use crate::selector::label::LabelSelector;
use crate::selector::label::Operator;
use crate::selector::label::Requirement;
use crate::selector::label::check_key;
use crate::selector::lexer::Token;
use crate::selector::lexer::tokens;

impl FromStr for LabelSelector {
    type Err = Error;

    /// Parses `a=b,c!=d,e in (f,g),h,!i,j>1`; the empty text selects everything.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_length(text)?;
        Parser {
            tokens: tokens(text),
            position: 0,
        }
        .selector()
    }
}

struct Parser<'a> {
    tokens: Vec<(Token, &'a str)>,
    position: usize,
}

impl<'a> Parser<'a> {
    fn peek_operator(&self) -> (Token, &'a str) {
        self.tokens
            .get(self.position)
            .copied()
            .unwrap_or((Token::End, ""))
    }

    /// The next word where `in` and `notin` are words like any other.
    fn peek(&self) -> (Token, &'a str) {
        match self.peek_operator() {
            (Token::In | Token::NotIn, word) => (Token::Identifier, word),
            other => other,
        }
    }

    fn take(&mut self) -> (Token, &'a str) {
        let taken = self.peek();
        self.position += 1;
        taken
    }

    fn selector(mut self) -> Result<LabelSelector, Error> {
        let mut requirements = Vec::new();
        loop {
            match self.peek() {
                (Token::Identifier | Token::Not, _) => {}
                (Token::End, _) => return Ok(LabelSelector::new(requirements)),
                (_, word) => {
                    return Err(found(word, ", expected: !, identifier, or 'end of string'"));
                }
            }
            let requirement = self.requirement();
            requirements.push(
                requirement.map_err(|error| Error::new(format!("unable to parse requirement: {error}")))?,
            );
            match self.take() {
                (Token::End, _) => return Ok(LabelSelector::new(requirements)),
                (Token::Comma, _) => match self.peek() {
                    (Token::Identifier | Token::Not, _) => {}
                    (_, word) => return Err(found(word, ", expected: identifier after ','")),
                },
                (_, word) => return Err(found(word, ", expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, Error> {
        let mut taken = self.take();
        let negated = taken.0 == Token::Not;
        if negated {
            taken = self.take();
        }
        let (Token::Identifier, key) = taken else {
            return Err(found(taken.1, ", expected: identifier"));
        };
        check_key(key, "")?;
        if negated {
            return Requirement::new(key, Operator::DoesNotExist, Vec::new(), "");
        }
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Requirement::new(key, Operator::Exists, Vec::new(), "");
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.exact()?],
        };
        Requirement::new(key, operator, values, "")
    }

    fn operator(&mut self) -> Result<Operator, Error> {
        let (token, word) = self.peek_operator();
        self.position += 1;
        match token {
            Token::In => Ok(Operator::In),
            Token::NotIn => Ok(Operator::NotIn),
            Token::Equals => Ok(Operator::Equals),
            Token::DoubleEquals => Ok(Operator::DoubleEquals),
            Token::NotEquals => Ok(Operator::NotEquals),
            Token::Greater => Ok(Operator::GreaterThan),
            Token::Less => Ok(Operator::LessThan),
            _ => Err(found(word, ", expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    /// A list in parentheses, in which nothing between two commas is the empty value.
    fn values(&mut self) -> Result<Vec<String>, Error> {
        let (token, word) = self.take();
        if token != Token::Open {
            return Err(found(word, " expected: '('"));
        }
        let mut values = Vec::new();
        loop {
            match self.peek() {
                (Token::Identifier, word) => {
                    self.position += 1;
                    values.push(word.to_owned());
                }
                (Token::Comma | Token::Close, _) => values.push(String::new()),
                (_, word) if values.is_empty() => {
                    return Err(found(word, ", expected: ',', ')' or identifier"));
                }
                (_, word) => return Err(found(word, ", expected: ',', or identifier")),
            }
            match self.take() {
                (Token::Close, _) => return Ok(values),
                (Token::Comma, _) => {}
                (_, word) => return Err(found(word, ", expected: ',' or ')'")),
            }
        }
    }

    fn exact(&mut self) -> Result<String, Error> {
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.take() {
            (Token::Identifier, word) => Ok(word.to_owned()),
            (_, word) => Err(found(word, ", expected: identifier")),
        }
    }
}

fn found(word: &str, expected: &str) -> Error {
    Error::new(format!("found '{word}'{expected}"))
}
